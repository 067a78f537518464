"""The packets of a MySQL server: its greeting, and its answer to the login."""

from tests.fuzz.probing import probe


def target(data: bytes) -> None:
    """Probe a peer that says this."""
    probe("mysql", data)
