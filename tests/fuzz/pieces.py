"""Cuts what a peer sends into pieces, as a network may."""

from collections.abc import Sequence
from itertools import pairwise


def pieces_of(data: bytes, length: int) -> list[bytes]:
    """Pieces of this length; all in one if it is 0."""
    return [data[start : start + length] for start in range(0, len(data), length)] if length else [data]


def cut_at(data: bytes, places: Sequence[int]) -> list[bytes]:
    """The pieces between these places."""
    inside = sorted({place for place in places if 0 < place < len(data)})
    return [data[start:end] for start, end in pairwise([0, *inside, len(data)])]
