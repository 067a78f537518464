"""`tidegate check`: validates the settings and prints the effective ones, like `nginx -t`."""

import sys
from collections.abc import Mapping

import yaml

from tidegate.cli.run import BAD_SETTINGS
from tidegate.control.serve import FAILED
from tidegate.settings.checks.problem import SettingsError
from tidegate.settings.effective import effective
from tidegate.settings.loading import load_settings


def check(environ: Mapping[str, str], *, connect: bool = False) -> int:
    """Print the effective settings as a valid YAML file, or everything that is wrong. Returns the exit code.

    With `connect`, also ask the API servers of the pools, and print what they allow and refuse as comments after the
    settings. The exit code is then 1 if anything is wrong there.
    """
    try:
        settings = load_settings(environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return BAD_SETTINGS
    sys.stdout.write(yaml.safe_dump(effective(settings), sort_keys=False, allow_unicode=True))
    if not connect:
        return 0
    from tidegate.cli.connect import findings  # noqa: PLC0415  (imports much that only `--connect` needs)

    found = findings(settings, environ)
    sys.stdout.writelines(f"# {line}\n" for finding in found for line in finding.text.splitlines())
    return 0 if all(finding.is_good for finding in found) else FAILED
