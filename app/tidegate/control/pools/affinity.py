"""Which client of a pool was given which backend: control's table, which outlives workers and on which all of them agree."""

from collections.abc import Container, Iterable
from time import monotonic

from tidegate.core.pools.affinity_table import AffinityTable
from tidegate.link.messages import AffinityEntry, AffinityTold
from tidegate.settings.parts.affinity import AffinitySettings


class Affinity:
    """The table of one pool. What a worker has learned goes to all of them, back to that one, too.

    So all are told the same in the same order, and agree in the end, also about a client that two of them have just given
    different backends.
    """

    def __init__(self, pool: str, settings: AffinitySettings) -> None:
        self._pool = pool
        self._table = AffinityTable(settings.ttl, settings.max_clients)

    def learned(self, entries: Iterable[AffinityEntry], backends: Container[str]) -> AffinityTold:
        """Take over what a worker says, as far as it is about backends that are still there; answers what all must know."""
        now = monotonic()
        known = [entry for entry in entries if entry.backend in backends]
        for entry in known:
            self._table.tell(entry.client, entry.backend, now - entry.idle, now)
        return AffinityTold(self._pool, known)

    def everything(self) -> AffinityTold:
        """What a worker must know that knows nothing."""
        live = self._table.live(monotonic())
        return AffinityTold(self._pool, [AffinityEntry(client, backend, idle) for client, backend, idle in live])

    def remove_backends(self, backends: Container[str]) -> None:
        """Forget whom they had."""
        self._table.remove_backends(backends)

    @property
    def clients(self) -> int:
        """How many clients it knows."""
        return self._table.count(monotonic())
