"""Decides from a backend's real traffic whether a probe is unnecessary."""

from typing import NamedTuple


class Traffic(NamedTuple):
    """Totals of a backend's connections, over all workers. They only grow."""

    connections: int
    received_bytes: int
    failed_dials: int

    def vouches(self, since: "Traffic", *, connecting_suffices: bool) -> bool:
        """Whether the backend has worked since `since`: it sent bytes, and no dial failed.

        With `connecting_suffices`, a successful dial counts as much as bytes; use it for a probe that only connects. For
        other probes a dial proves nothing, because the kernel accepts connections for a process that hangs.
        """
        if self.failed_dials > since.failed_dials:
            return False
        connected = connecting_suffices and self.connections > since.connections
        return connected or self.received_bytes > since.received_bytes
