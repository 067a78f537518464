"""Numbers and vectors in a message of TLS."""

import pytest

from tidegate.core.preface.outcome import MalformedError
from tidegate.core.preface.vectors import Vectors


def test_parts_are_read_one_after_the_other() -> None:
    message = Vectors(b"\1\0\2\3abc\0\1dxy")
    assert (message.number(1), message.number(2), message.vector(1), message.vector(2)) == (1, 2, b"abc", b"d")
    assert message.more()
    assert message.take(2) == b"xy"
    assert not message.more()
    message.end()


@pytest.mark.parametrize(("data", "size"), [(b"\2a", 1), (b"", 1), (b"\0", 2), (b"\0\1", 2), (b"\xff\xff\xffab", 3)])
def test_a_vector_that_is_longer_than_the_message_is_an_error(data: bytes, size: int) -> None:
    with pytest.raises(MalformedError, match="is shorter than its parts"):
        Vectors(data).vector(size)


def test_what_is_left_over_is_an_error() -> None:
    with pytest.raises(MalformedError, match="is longer than its parts"):
        Vectors(b"a").end()
