"""`tidegate check`: are the settings right, and what are they in effect? Like `nginx -t`."""

import sys
from collections.abc import Mapping

import yaml

from tidegate.cli.run import BAD_SETTINGS
from tidegate.control.serve import FAILED
from tidegate.settings import SettingsError, effective, load_settings


def check(environ: Mapping[str, str], *, connect: bool = False) -> int:
    """Print the effective settings as YAML that could be used as a file, or everything that is wrong.

    With `connect`, comments after them say whether the API servers of the pools answer and what they refuse; answers 1 when
    something is amiss.
    """
    try:
        settings = load_settings(environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return BAD_SETTINGS
    sys.stdout.write(yaml.safe_dump(effective(settings), sort_keys=False, allow_unicode=True))
    if not connect:
        return 0
    from tidegate.cli.connect import findings  # noqa: PLC0415  (it imports much that a check without it does not need)

    found = findings(settings, environ)
    sys.stdout.writelines(f"# {line}\n" for finding in found for line in finding.text.splitlines())
    return 0 if all(finding.is_good for finding in found) else FAILED
