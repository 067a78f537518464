"""How a socket avoids congestion, and whether this kernel would let it pace."""

import socket
from pathlib import Path

from tidegate.dataplane.relay.pacing import LONGEST_NAME

ALLOWED = Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control").read_text().split()
PACES_IF_ASKED = "bbr" in ALLOWED


def algorithm(sock: socket.SocketType) -> bytes:
    """The name of what it uses."""
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, LONGEST_NAME).rstrip(b"\0")
