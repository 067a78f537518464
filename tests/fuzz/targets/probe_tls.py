"""What a peer says in the TLS handshake of a probe."""

from tests.fuzz.probing import probe


def target(data: bytes) -> None:
    """Probe a peer that says this."""
    probe("tls", data)
