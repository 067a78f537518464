"""Which client was given which backend: a bounded table with a time to live, so that a client comes back to its backend.

Unlike a hash it moves nobody when backends join: a client stays as long as it is seen again within the time to live.
"""

from collections import OrderedDict
from collections.abc import Container, Iterator
from dataclasses import dataclass

TOLD_PER_TTL = 4
"""How often in a time to live the others are told that a client is still there."""


@dataclass(slots=True)
class Entry:
    """A client's backend, when the client was last seen, and when the other tables were told so."""

    backend: str
    used_at: float
    told_at: float


class AffinityTable:
    """At most `max_clients` clients; who was not seen for `ttl` seconds, or the longest when it is full, is forgotten.

    Times are seconds of one clock that never goes backwards.
    """

    def __init__(self, ttl: float, max_clients: int) -> None:
        self._ttl, self._max_clients = ttl, max_clients
        self._entries: OrderedDict[str, Entry] = OrderedDict()

    def configure(self, ttl: float, max_clients: int) -> None:
        """Change the settings; whoever is too many or too old now goes with the next change."""
        self._ttl, self._max_clients = ttl, max_clients

    def backend(self, client: str, now: float) -> str | None:
        """The backend of a client that was seen within the time to live."""
        entry = self._entries.get(client)
        return entry.backend if entry and now - entry.used_at < self._ttl else None

    def give(self, client: str, backend: str, now: float) -> bool:
        """The client is on this backend from now on; answers whether other tables should be told."""
        entry = self._entries.get(client)
        if entry and entry.backend == backend and now - entry.used_at < self._ttl:
            return self._refresh(client, entry, now)
        self._entries[client] = Entry(backend, now, now)
        self._entries.move_to_end(client)
        self._forget_old(now)
        return True

    def seen(self, client: str, backend: str, now: float) -> bool:
        """The client is still on this backend, unless it was given another one or forgotten; answers as `give` does."""
        entry = self._entries.get(client)
        return entry is not None and entry.backend == backend and self._refresh(client, entry, now)

    def tell(self, client: str, backend: str, used_at: float, now: float) -> None:
        """Take over what another table says. It may be older than what is known here, and stands all the same: all tables
        that are told the same in the same order agree in the end."""
        known = self._entries.get(client)
        if known and known.backend == backend:
            used_at = max(used_at, known.used_at)
        self._entries[client] = Entry(backend, used_at, now)
        if known is None or used_at >= known.used_at:
            self._entries.move_to_end(client)
        self._forget_old(now)

    def remove_backends(self, backends: Container[str]) -> None:
        """Forget whom they had."""
        for client in [client for client, entry in self._entries.items() if entry.backend in backends]:
            del self._entries[client]

    def count(self, now: float) -> int:
        """How many clients were seen within the time to live."""
        self._forget_old(now)
        return len(self._entries)

    def live(self, now: float) -> Iterator[tuple[str, str, float]]:
        """Each client with its backend and the seconds since it was last seen, longest first."""
        self._forget_old(now)
        for client, entry in self._entries.items():
            yield client, entry.backend, now - entry.used_at

    def _refresh(self, client: str, entry: Entry, now: float) -> bool:
        entry.used_at = now
        self._entries.move_to_end(client)
        if now - entry.told_at < self._ttl / TOLD_PER_TTL:
            return False
        entry.told_at = now
        return True

    def _forget_old(self, now: float) -> None:
        while self._entries:
            oldest = next(iter(self._entries))
            if len(self._entries) <= self._max_clients and now - self._entries[oldest].used_at < self._ttl:
                return
            del self._entries[oldest]
