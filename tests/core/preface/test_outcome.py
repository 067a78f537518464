"""What a reader returns when it has no facts."""

from dataclasses import FrozenInstanceError

import pytest

from tidegate.core.preface.outcome import NOT_THIS, Incomplete, Malformed, NotThis


def test_outcomes_are_values_that_do_not_change() -> None:
    assert Incomplete(5) == Incomplete(5) != Incomplete(6)
    assert Malformed("a") == Malformed("a") != Malformed("b")
    assert NotThis() == NOT_THIS
    with pytest.raises(FrozenInstanceError):
        Incomplete(5).needed = 6  # type: ignore[misc]
