"""Whether traffic spares a backend its probe."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.health.traffic import Traffic

BEFORE = Traffic(connections=10, received_bytes=1000, failed_dials=3)
GROWTH = st.builds(Traffic, *[st.integers(0, 5)] * 3)


@pytest.mark.parametrize(
    ("now", "by_connecting", "by_answering"),
    [
        pytest.param(Traffic(10, 1000, 3), False, False, id="nothing-happened"),
        pytest.param(Traffic(10, 1001, 3), True, True, id="bytes"),
        pytest.param(Traffic(11, 1000, 3), True, False, id="a-connection-that-is-silent"),
        pytest.param(Traffic(11, 1001, 3), True, True, id="a-connection-and-bytes"),
        pytest.param(Traffic(15, 5000, 4), False, False, id="one-dial-failed"),
    ],
)
def test_bytes_vouch_and_a_connection_vouches_where_the_probe_only_connects(
    now: Traffic,
    by_connecting: bool,  # noqa: FBT001
    by_answering: bool,  # noqa: FBT001
) -> None:
    assert now.vouches(BEFORE, connecting_suffices=True) == by_connecting
    assert now.vouches(BEFORE, connecting_suffices=False) == by_answering


@given(GROWTH, st.booleans())
def test_traffic_vouches_only_when_something_worked_and_nothing_failed(growth: Traffic, suffices: bool) -> None:  # noqa: FBT001
    now = Traffic(*(before + more for before, more in zip(BEFORE, growth, strict=True)))
    if now.vouches(BEFORE, connecting_suffices=suffices):
        assert growth.failed_dials == 0
        assert growth.received_bytes or growth.connections
