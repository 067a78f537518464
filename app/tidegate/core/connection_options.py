"""What the kernel does for the connections of a listener, to clients, or of a pool, to backends."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How dead peers are noticed, and how much memory the kernel may use for a connection.

    Times in seconds, sizes in bytes; `peer_timeout` and sizes of 0 leave the choice to the kernel.
    """

    keepalive_idle: float
    keepalive_interval: float
    keepalive_count: int
    peer_timeout: float
    receive_buffer: int
    send_buffer: int
    notsent_lowat: int
