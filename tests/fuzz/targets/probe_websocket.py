"""What follows the accepted key in the answer of a WebSocket server."""

from tests.fuzz.probing import probe
from tests.fuzz.upgrading import upgraded


def target(data: bytes) -> None:
    """Probe a server that accepts the upgrade and then says this."""
    probe("websocket", data, after=upgraded)
