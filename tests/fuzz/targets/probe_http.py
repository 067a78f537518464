"""The answer of an HTTP server to a probe."""

from tests.fuzz.probing import probe


def target(data: bytes) -> None:
    """Probe a peer that says this."""
    probe("http", data)
