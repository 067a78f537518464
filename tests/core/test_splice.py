"""How many bytes each stream moves at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.splice import FEW_STREAMS, SMALLEST_SHARE, share

MEBIBYTE = 1 << 20


@pytest.mark.parametrize(
    ("streams", "workers", "bytes_at_once"),
    [
        (0, 1, MEBIBYTE),
        (1, 1, MEBIBYTE),
        (8, 1, MEBIBYTE),
        (16, 1, MEBIBYTE // 4),
        (32, 1, SMALLEST_SHARE),
        (250, 1, SMALLEST_SHARE),
        (4, 2, MEBIBYTE),
        (8, 2, MEBIBYTE // 4),
        (1, 64, MEBIBYTE),
        (2, 64, MEBIBYTE // 4),
    ],
)
def test_the_more_streams_there_are_the_less_each_moves_at_once(streams: int, workers: int, bytes_at_once: int) -> None:
    assert share(streams, workers, MEBIBYTE) == bytes_at_once


@given(st.integers(1, 100_000), st.integers(1, 64), st.integers(16, 24).map(lambda power: 1 << power))
def test_all_streams_together_move_no_more_than_few_do_but_for_the_smallest_share(
    streams: int, workers: int, largest: int
) -> None:
    each = share(streams, workers, largest)
    assert SMALLEST_SHARE <= each <= largest
    assert each == SMALLEST_SHARE or each * streams <= largest * FEW_STREAMS
    assert share(streams + 1, workers, largest) <= each
