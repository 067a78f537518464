"""The greeting of a mail server, and its answer to EHLO."""

from tests.fuzz.probing import probe


def target(data: bytes) -> None:
    """Probe a peer that says this."""
    probe("smtp", data)
