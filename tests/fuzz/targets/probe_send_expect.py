"""Any answer, in which a text is expected."""

from tests.fuzz.probing import probe


def target(data: bytes) -> None:
    """Probe a peer that says this."""
    probe("send_expect", data)
