"""Requests to the admin port. The first byte is the length of the pieces in which they come; 0 means all at once."""

from tests.fuzz.admin import answers_to, check
from tests.fuzz.pieces import pieces_of


def target(data: bytes) -> None:
    """Send these bytes to an admin port, and read its answers to the end."""
    requests = data[1:]
    check(answers_to(pieces_of(requests, data[0] if data else 0)), may_be_head=b"HEAD" in requests)
