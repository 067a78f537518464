"""The first frame of a Socket.IO server, after the upgrade to WebSocket."""

from tests.fuzz.probing import probe
from tests.fuzz.upgrading import upgraded


def target(data: bytes) -> None:
    """Probe a server that accepts the upgrade and then sends this."""
    probe("socketio", b"\r\n", data, after=upgraded)
