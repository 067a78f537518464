"""The clients of listeners with a limit per client, in all workers together: a hash table on the stats board.

A client is an IPv4 address or, as one client has many of them, a network of IPv6.

Each worker has a table of its own, which only it writes; the others look into it. A client's slot is the first one that has
its key, from the place on that the key says. A slot whose client has no connection and a full bucket is given to another.
A key never becomes 0 again while the worker lives, so a search may end at the first slot that was never used.
"""

from hashlib import blake2b

from tidegate.core.network import EACH_ALONE, Networks
from tidegate.dataplane.report.counters import Counters
from tidegate.link.board import CLIENTS, WORKER, ClientCell, WorkerCell

MOST_PROBES = 64
"""Slots that a search looks at. A client that finds none of them free has no slot, and so no limit."""


class ClientTable:
    """Finds the slots of the clients of one listener."""

    def __init__(self, counters: Counters, listener_slot: int) -> None:
        self.cells = counters.cells
        self._own = counters.slot(CLIENTS, 0)
        self._others = counters.elsewhere(CLIENTS, 0, 0)
        self._used = counters.slot(WORKER, 0) + WorkerCell.COUNTED_CLIENTS
        self._salt = listener_slot.to_bytes(8)
        self._networks = EACH_ALONE

    def configure(self, networks: Networks) -> None:
        """The addresses of each of these networks count as one client from now on."""
        self._networks = networks

    def key(self, client: str) -> int:
        """What stands for the client of this listener, the same in all workers; never 0."""
        if ":" in client:
            client = self._networks.of(client)
        return int.from_bytes(blake2b(client.encode(), digest_size=8, salt=self._salt).digest()) or 1

    def slot(self, key: int, now: float) -> int | None:
        """The slot of a key in this worker's table, a new one if it has none yet, or None when there is none left."""
        found = self._find(self._own, key)
        if found is not None:
            return found
        for probe in range(key, key + MOST_PROBES):
            slot = self._own + probe % CLIENTS.capacity * CLIENTS.width
            if self._is_free(slot, now):
                if not self.cells[slot + ClientCell.KEY]:
                    self.cells[self._used] += 1
                self.cells[slot + ClientCell.KEY] = key
                return slot
        return None

    def of_all_workers(self, slot: int, key: int, cell: ClientCell) -> list[int]:
        """A cell of the client with this key, in this slot and in the tables of the other workers that know the client."""
        found = [self._find(table, key) for table in self._others]
        return [self.cells[one + cell] for one in (slot, *found) if one is not None]

    def _is_free(self, slot: int, now: float) -> bool:
        return not self.cells[slot + ClientCell.ACTIVE] and self.cells[slot + ClientCell.FULL_AT] <= now * 1_000_000

    def _find(self, table: int, key: int) -> int | None:
        """The slot of a key in the table of some worker."""
        for probe in range(key, key + MOST_PROBES):
            slot = table + probe % CLIENTS.capacity * CLIENTS.width
            found = self.cells[slot + ClientCell.KEY]
            if found == key:
                return slot
            if not found:
                return None
        return None
