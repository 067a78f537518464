"""`tidegate run`: loads the settings and runs the proxy."""

import sys
from collections.abc import Mapping

from tidegate.control.serve import serve
from tidegate.settings import SettingsError, load_settings

BAD_SETTINGS = 64


def run(environ: Mapping[str, str]) -> int:
    """Run the proxy with the settings of this environment; returns the exit code."""
    try:
        settings = load_settings(environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return BAD_SETTINGS
    return serve(settings, environ)
