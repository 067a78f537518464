"""Control's table of which client of a pool has which backend. It outlives workers, and all of them agree on it."""

from collections.abc import Container, Iterable
from time import monotonic

from tidegate.core.pools.affinity_table import AffinityTable
from tidegate.link.messages import AffinityEntry, AffinityTold


class ControlAffinity:
    """The table of one pool. What a worker has learned goes to all of them, back to that one, too.

    So all are told the same in the same order, and agree in the end, also about a client that two of them have just given
    different backends.
    """

    def __init__(self, pool: str, ttl: float, max_clients: int) -> None:
        self._pool = pool
        self._table = AffinityTable(ttl, max_clients)

    def configure(self, ttl: float, max_clients: int) -> None:
        """Change the limits, the first in seconds; entries stay as far as these allow."""
        self._table.configure(ttl, max_clients)

    def learned(self, entries: Iterable[AffinityEntry], backends: Container[str]) -> AffinityTold:
        """Take over a worker's news about backends that are still there; answers what to tell all workers."""
        now = monotonic()
        known = [entry for entry in entries if entry.backend in backends]
        for entry in known:
            self._table.tell(entry.client, entry.backend, now - entry.idle, now)
        return AffinityTold(self._pool, known)

    def everything(self) -> AffinityTold:
        """The whole table, for a new worker."""
        live = self._table.live(monotonic())
        return AffinityTold(self._pool, [AffinityEntry(client, backend, idle) for client, backend, idle in live])

    def remove_backends(self, backends: Container[str]) -> None:
        """Forget which clients had these backends."""
        self._table.remove_backends(backends)

    @property
    def clients(self) -> int:
        """How many clients are in the table."""
        return self._table.count(monotonic())
