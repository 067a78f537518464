"""A line of the link between control and a worker."""

from tidegate.link.codec import decode, encode


def target(data: bytes) -> None:
    """Decode a line: a message that reads back as itself, or one of the errors of a line that does not fit."""
    try:
        message = decode(data)
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    try:
        line = encode(message)
    except TypeError:  # a field holds what no sender puts there
        return
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == message
