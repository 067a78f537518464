"""Reads the settings in a child process that ends: reading takes more memory than all that control does afterwards."""

import os
import pickle
import sys
from collections.abc import Mapping
from traceback import print_exc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.settings.model import Settings


class RefusedSettingsError(Exception):
    """The settings are not valid; the text has everything that is wrong."""


class ReadingProcess:
    """A child process that reads the settings of this environment. It starts at once; call `result` once to end it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._answer, answer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os._exit(_write_answer(environ, answer))
        os.close(answer)

    def result(self) -> "Settings":
        """Return the settings: plain values with the attributes of the model. Raises RefusedSettingsError."""
        with os.fdopen(self._answer, "rb") as answer:
            data = answer.read()
        _, status = os.waitpid(self._pid, 0)
        if status or not data:
            raise RuntimeError(f"the process that reads the settings ended with {os.waitstatus_to_exitcode(status)}")
        settings: Settings | str = pickle.loads(data)  # noqa: S301  (from our own process)
        if isinstance(settings, str):
            raise RefusedSettingsError(settings)
        return settings


def _write_answer(environ: Mapping[str, str], descriptor: int) -> int:
    """Write the settings, or what is wrong with them; returns the exit code."""
    try:
        with os.fdopen(descriptor, "wb") as answer:
            pickle.dump(_settings_or_problems(environ), answer)
    except Exception:  # noqa: BLE001  (a bug: nothing above would show it)
        print_exc()
        sys.stderr.flush()
        return 1
    return 0


def _settings_or_problems(environ: Mapping[str, str]) -> object:
    from tidegate.settings.checks.problem import SettingsError  # noqa: PLC0415  only this process needs them
    from tidegate.settings.loading import load_settings  # noqa: PLC0415
    from tidegate.settings.plain import plain  # noqa: PLC0415

    try:
        return plain(load_settings(environ))
    except SettingsError as error:
        return str(error)
