"""Which client of a pool was given which backend, as this worker knows it, and what control has not been told of it yet."""

from collections.abc import Callable
from time import monotonic

from tidegate.core.network import EACH_ALONE, Networks
from tidegate.core.pools.affinity_table import AffinityTable
from tidegate.dataplane.loop.poller import Poller
from tidegate.link.messages import AffinityEntry

TELL_AFTER = 0.02  # seconds, so that a burst of clients is one message

Tell = Callable[[list[AffinityEntry]], None]


class WorkerAffinity:
    """The table of one pool. `tell` gets what is news to the other workers, at most once per TELL_AFTER.

    All clients of one of the `networks` count as one.
    """

    def __init__(self, poller: Poller, tell: Tell, ttl: float, max_clients: int, networks: Networks) -> None:
        self._poller, self._tell, self._networks = poller, tell, networks
        self._table = AffinityTable(ttl, max_clients)
        self._news: dict[str, str] = {}

    def configure(self, ttl: float, max_clients: int, networks: Networks) -> None:
        """Change the settings; entries stay as far as these allow."""
        self._networks = networks
        self._table.configure(ttl, max_clients)

    def backend(self, client: str) -> str | None:
        """The name of the backend that a client address was given."""
        return self._table.backend(self._key(client), monotonic())

    def give(self, client: str, backend: str) -> None:
        """The client is on this backend from now on."""
        key = self._key(client)
        if self._table.give(key, backend, monotonic()):
            self._tell_later(key, backend)

    def seen(self, client: str, backend: str) -> None:
        """A session of the client lives, or has just ended, on this backend."""
        key = self._key(client)
        if self._table.seen(key, backend, monotonic()):
            self._tell_later(key, backend)

    def told(self, entries: list[AffinityEntry]) -> None:
        """Take over what control says."""
        now = monotonic()
        for entry in entries:
            self._table.tell(entry.client, entry.backend, now - entry.idle, now)

    def remove_backends(self, backends: list[str]) -> None:
        """Forget which clients had them."""
        self._table.remove_backends(set(backends))

    def _key(self, client: str) -> str:
        """What stands for a client address in the table."""
        return client if self._networks == EACH_ALONE else self._networks.of(client)

    def _tell_later(self, key: str, backend: str) -> None:
        if not self._news:
            self._poller.call_later(TELL_AFTER, self._tell_news)
        self._news[key] = backend

    def _tell_news(self) -> None:
        news, self._news = self._news, {}
        self._tell([AffinityEntry(client, backend, 0.0) for client, backend in news.items()])
