"""`tidegate check`: are the settings right, and what are they in effect? Like `nginx -t`."""

import sys
from collections.abc import Mapping

import yaml

from app.cli.run import BAD_SETTINGS
from app.settings import SettingsError, effective, load_settings


def check(environ: Mapping[str, str]) -> int:
    """Print the effective settings as YAML that could be used as a file, or everything that is wrong."""
    try:
        settings = load_settings(environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return BAD_SETTINGS
    sys.stdout.write(yaml.safe_dump(effective(settings), sort_keys=False, allow_unicode=True))
    return 0
