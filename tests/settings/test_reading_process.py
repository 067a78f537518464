"""Settings that another process reads."""

import os

import pytest

from tidegate.core.address import Address
from tidegate.settings.checks.problem import SettingsError
from tidegate.settings.loading import load_settings
from tidegate.settings.reading_process import ReadingProcess, RefusedSettingsError


def test_another_process_reads_the_settings_and_ends() -> None:
    settings = ReadingProcess({"TIDEGATE_BACKENDS": "10.0.0.5:8001", "TIDEGATE_WORKERS": "3"}).result()
    assert settings.workers == 3
    assert settings.pools["default"].backends[0].address == Address("10.0.0.5", 8001)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_what_is_wrong_comes_in_the_same_words() -> None:
    wrong = {"TIDEGATE_BACKENDS": "nonsense", "TIDEGATE_WORKRS": "x", "TIDEGATE_ADMIN_TOKEN": "sécret-sécret"}
    with pytest.raises(SettingsError) as expected:
        load_settings(wrong)
    with pytest.raises(RefusedSettingsError) as caught:
        ReadingProcess(wrong).result()
    assert str(caught.value) == str(expected.value)


def test_a_process_that_cannot_read_settings_because_of_a_bug_is_no_empty_answer() -> None:
    with pytest.raises(RuntimeError, match="ended with 1"):
        ReadingProcess({"TIDEGATE_BACKENDS": 5}).result()  # type: ignore[dict-item]
