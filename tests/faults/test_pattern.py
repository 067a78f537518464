"""The streams that both peers know: whatever a proxy could do to them shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.pattern import LONGEST, PERIOD, Pattern, WrongBytesError

NUMBERS = st.integers(0, 1 << 64)
SIZES = st.integers(1, 5000)


def stream(number: int, size: int) -> bytes:
    return bytes(Pattern(number).piece(size))


@given(number=NUMBERS, size=SIZES, cut=st.integers(1, 5000))
def test_a_stream_is_the_same_for_who_sends_and_who_receives_in_whatever_pieces(number: int, size: int, cut: int) -> None:
    receives = Pattern(number)
    data = memoryview(stream(number, size))
    for start in range(0, size, cut):
        receives.check(data[start : start + cut])
    assert receives.position == size


@given(number=NUMBERS, start=st.integers(0, 2 * PERIOD), size=st.integers(1, LONGEST))
def test_a_piece_is_as_long_as_asked_wherever_it_begins(number: int, start: int, size: int) -> None:
    sends = Pattern(number)
    sends.position = start
    assert len(sends.piece(size)) == size


@given(number=NUMBERS, size=st.integers(20, 5000), data=st.data())
def test_a_byte_that_is_lost_doubled_or_another_one_shows(number: int, size: int, data: st.DataObject) -> None:
    whole = stream(number, size)
    place = data.draw(st.integers(0, size - 17))
    for wrong in (
        whole[:place] + whole[place + 1 :],
        whole[:place] + whole[place : place + 1] + whole[place:],
        whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :],
    ):
        with pytest.raises(WrongBytesError, match=r"from [0-9]+ on"):
            Pattern(number).check(memoryview(wrong))


@given(number=st.integers(0, 1 << 63), other=st.integers(1, 1000))
def test_bytes_of_another_stream_show(number: int, other: int) -> None:
    with pytest.raises(WrongBytesError):
        Pattern(number).check(memoryview(stream(number + other, 16)))
