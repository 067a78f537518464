"""The answers of a PostgreSQL server: to SSLRequest, and its messages after the startup packet."""

from tests.fuzz.probing import probe


def target(data: bytes) -> None:
    """Probe a peer that says this."""
    probe("postgres", data)
