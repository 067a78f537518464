"""What the clients' own connections say about a backend, which can spare it a probe."""

from typing import NamedTuple


class Traffic(NamedTuple):
    """What has come of a backend's connections until now, over all workers; these numbers only grow."""

    connections: int
    received_bytes: int
    failed_dials: int

    def vouches(self, since: "Traffic", *, connecting_suffices: bool) -> bool:
        """Whether the backend has worked since then: it sent bytes, and no dial failed.

        Where connecting suffices, a dial that succeeded is as good as bytes: for a probe that does no more itself. For
        another it is not, for the kernel accepts connections of a process that hangs.
        """
        if self.failed_dials > since.failed_dials:
            return False
        connected = connecting_suffices and self.connections > since.connections
        return connected or self.received_bytes > since.received_bytes
