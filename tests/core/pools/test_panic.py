"""When health is ignored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.pools.backend import Backend, State
from tidegate.core.pools.census import Census
from tidegate.core.pools.panic import PanicRule
from tidegate.core.pools.snapshot import Member

LETTERS = {
    "u": State.UP,
    "d": State.DOWN,
    "e": State.EJECTED,
    "c": State.CHECKING,
    "l": State.DRAINING,
    "?": State.DOWN,
    "!": State.UP,
}


def pool(letters: str) -> Census:
    """A backend per letter; a capital is a backup, and `?` and `!` have no address, the one down and the other up."""
    members = [
        Member(
            Backend(f"{number}:1", "" if letter in "?!" else "10.0.0.1", 1, backup=letter.isupper()),
            LETTERS[letter.lower()],
            0.0,
        )
        for number, letter in enumerate(letters)
    ]
    return Census().with_changes((), (member.category for member in members))


@pytest.mark.parametrize(
    ("try_all", "threshold", "letters", "holds"),
    [
        pytest.param(False, 0, "dddd", False, id="off"),
        pytest.param(True, 0, "dddd", True, id="all-down"),
        pytest.param(True, 0, "dede", True, id="all-down-or-ejected"),
        pytest.param(True, 0, "d?", True, id="all-down-one-without-an-address"),
        pytest.param(True, 0, "d!", True, id="one-up-without-an-address"),
        pytest.param(True, 0, "dddu", False, id="one-up"),
        pytest.param(True, 0, "dddU", False, id="a-backup-is-up"),
        pytest.param(True, 0, "ccc", False, id="checking-is-not-down"),
        pytest.param(True, 0, "dcc", True, id="checking-does-not-count"),
        pytest.param(True, 0, "ll", False, id="draining-is-on-purpose"),
        pytest.param(True, 0, "", False, id="empty"),
        pytest.param(False, 50, "uudd", False, id="just-the-threshold"),
        pytest.param(False, 50, "uddd", True, id="below-the-threshold"),
        pytest.param(False, 50, "uee", True, id="ejected-ones-are-not-up"),
        pytest.param(False, 50, "uddcccc", True, id="checking-ones-do-not-count"),
        pytest.param(False, 50, "udlll", False, id="draining-does-not-count"),
        pytest.param(False, 50, "ddddUU", False, id="enough-backups-save-the-primaries"),
        pytest.param(False, 50, "uuDDD", False, id="enough-primaries-save-the-backups"),
        pytest.param(False, 50, "uddUDD", True, id="both-tiers-below"),
        pytest.param(False, 50, "DDU", True, id="backups-only"),
        pytest.param(False, 66, "uud", False, id="two-thirds-are-no-less-than-66-percent"),
        pytest.param(False, 67, "uud", True, id="two-thirds-are-less-than-67-percent"),
        pytest.param(False, 100, "uuu", False, id="a-hundred-percent"),
        pytest.param(False, 100, "uud", True, id="less-than-a-hundred-percent"),
        pytest.param(True, 30, "uud", False, id="both-and-neither-holds"),
        pytest.param(True, 30, "ddd", True, id="both-and-both-hold"),
    ],
)
def test_health_is_ignored_when_no_backend_or_too_few_are_up(
    try_all: bool,  # noqa: FBT001
    threshold: int,
    letters: str,
    holds: bool,  # noqa: FBT001
) -> None:
    assert PanicRule(try_all, threshold).holds(pool(letters)) is holds


@given(st.text("udecl", max_size=12), st.booleans(), st.integers(0, 100))
def test_panic_never_begins_because_a_backend_has_come_up(letters: str, try_all: bool, threshold: int) -> None:  # noqa: FBT001
    rule = PanicRule(try_all, threshold)
    if not rule.holds(pool(letters)):
        assert not rule.holds(pool(letters.replace("d", "u", 1)))
