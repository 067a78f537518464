"""The affinity table: the backend of each client, bounded and with a time to live, so that clients return to their backend.

Unlike with a hash, no client moves when backends join: a client stays as long as it returns within the time to live.
"""

from collections import OrderedDict
from collections.abc import Container, Iterator
from dataclasses import dataclass

TOLD_PER_TTL = 4
"""How often per time to live a table tells the other tables that a client is still there."""


@dataclass(slots=True)
class Entry:
    """A client's backend, when the client was last seen, and when the other tables were last told."""

    backend: str
    used_at: float
    told_at: float


class AffinityTable:
    """At most `max_clients` clients. Drops clients not seen for `ttl` seconds and, when full, the one seen longest ago.

    Times are seconds of one monotonic clock.
    """

    def __init__(self, ttl: float, max_clients: int) -> None:
        self._ttl, self._max_clients = ttl, max_clients
        self._entries: OrderedDict[str, Entry] = OrderedDict()

    def configure(self, ttl: float, max_clients: int) -> None:
        """Change the settings. Clients that are now too many or too old are dropped at the next change."""
        self._ttl, self._max_clients = ttl, max_clients

    def backend(self, client: str, now: float) -> str | None:
        """The backend of a client that was seen within the time to live, else None."""
        entry = self._entries.get(client)
        return entry.backend if entry and now - entry.used_at < self._ttl else None

    def give(self, client: str, backend: str, now: float) -> bool:
        """Assign this backend to the client. Returns whether to tell the other tables."""
        entry = self._entries.get(client)
        if entry and entry.backend == backend and now - entry.used_at < self._ttl:
            return self._refresh(client, entry, now)
        self._entries[client] = Entry(backend, now, now)
        self._entries.move_to_end(client)
        self._forget_old(now)
        return True

    def seen(self, client: str, backend: str, now: float) -> bool:
        """Note that the client is still on this backend; no effect if the table says otherwise. Returns like `give`."""
        entry = self._entries.get(client)
        return entry is not None and entry.backend == backend and self._refresh(client, entry, now)

    def tell(self, client: str, backend: str, used_at: float, now: float) -> None:
        """Take over an entry of another table, even if it is older than the own one: tables that are told the same entries
        in the same order end up equal."""
        known = self._entries.get(client)
        if known and known.backend == backend:
            used_at = max(used_at, known.used_at)
        self._entries[client] = Entry(backend, used_at, now)
        if known is None or used_at >= known.used_at:
            self._entries.move_to_end(client)
        self._forget_old(now)

    def remove_backends(self, backends: Container[str]) -> None:
        """Drop the clients of these backends."""
        for client in [client for client, entry in self._entries.items() if entry.backend in backends]:
            del self._entries[client]

    def count(self, now: float) -> int:
        """The number of clients seen within the time to live."""
        self._forget_old(now)
        return len(self._entries)

    def live(self, now: float) -> Iterator[tuple[str, str, float]]:
        """Each client with its backend and the seconds since it was last seen; those seen longest ago first."""
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
