"""What holds for all settings, however they were given."""

from collections.abc import Mapping, Sequence

import yaml

from tests.fuzz.files import folder, written
from tests.fuzz.reasons import check_reason
from tidegate.settings.checks.problem import MOST_LISTED, SettingsError
from tidegate.settings.effective import effective
from tidegate.settings.loading import load_settings
from tidegate.settings.model import Settings
from tidegate.settings.reading.names import CONFIG_FILE
from tidegate.settings.secrets import MASK

LONGEST_LINE = 16_000


def check(environ: Mapping[str, str]) -> None:
    """Load settings: there are problems that can be shown, or settings that are shown as a file which means the same."""
    try:
        loaded = _load(environ)
    except SettingsError as error:
        _check(error.problems)
        return
    tree = effective(loaded)
    text = yaml.safe_dump(tree, allow_unicode=True)
    if MASK not in text:
        assert effective(_load({CONFIG_FILE: written("shown.yaml", text.encode())})) == tree


def _check(problems: Sequence[str]) -> None:
    assert 1 <= len(problems) <= MOST_LISTED + 1
    for problem in problems:
        check_reason(problem, LONGEST_LINE)


def _load(environ: Mapping[str, str]) -> Settings:
    return load_settings(environ, folder() / "no-namespace")
