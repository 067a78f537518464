"""The answers of a Redis server to AUTH and PING."""

from tests.fuzz.probing import probe


def target(data: bytes) -> None:
    """Probe a peer that says this."""
    probe("redis", data)
