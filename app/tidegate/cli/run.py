"""`tidegate run`: has the settings read, and runs the proxy."""

import sys
from collections.abc import Mapping

from tidegate.settings.reading_process import ReadingProcess, RefusedSettingsError

BAD_SETTINGS = 64


def run(environ: Mapping[str, str]) -> int:
    """Run the proxy with the settings of this environment; returns the exit code."""
    reading = ReadingProcess(environ)
    from tidegate.control.serve import serve  # noqa: PLC0415  imported while the other process reads

    try:
        settings = reading.result()
    except RefusedSettingsError as error:
        sys.stderr.write(f"{error}\n")
        return BAD_SETTINGS
    return serve(settings, environ)
