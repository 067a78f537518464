"""EndpointSlices: lines of JSON, each an event of a watch."""

from tests.fuzz.kubernetes import follow
from tidegate.core.discovery.slices import read_slice


def target(data: bytes) -> None:
    """Keep a store up to date with these events, and choose its endpoints."""
    follow(data, read_slice)
