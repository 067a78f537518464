"""How many connections each client of a listener has, in all workers together: a hash table on the stats board.

A client is an IPv4 address or, as one client has many of them, a network of IPv6.

Each worker has a table of its own, which only it writes; the others look into it. A client's slot is the first one that has
its key, from the place on that the key says. A slot whose client has no connection any more is given to another one, and a
key never becomes 0 again while the worker lives, so a search may end at the first slot that was never used.
"""

from hashlib import blake2b

from tidegate.core.network import EACH_ALONE, Networks
from tidegate.dataplane.report.counters import Counters
from tidegate.link.board import CLIENTS, WORKER, ClientCell, WorkerCell

MOST_PROBES = 64
"""Slots that a search looks at. A client that finds none of them free is not counted, and so not limited."""


class ClientCounts:
    """Connections of each client of one listener."""

    def __init__(self, counters: Counters, listener_slot: int) -> None:
        self._cells = counters.cells
        self._own = counters.slot(CLIENTS, 0)
        self._others = counters.elsewhere(CLIENTS, 0, 0)
        self._used = counters.slot(WORKER, 0) + WorkerCell.COUNTED_CLIENTS
        self._salt = listener_slot.to_bytes(8)
        self._most, self._networks = 0, EACH_ALONE
        self._counted: dict[object, int] = {}

    def configure(self, most: int, networks: Networks) -> None:
        """Each client, a network of these, may have at most `most` connections from now on; 0 means no limit."""
        self._most, self._networks = most, networks

    def enter(self, session: object, client: str) -> bool:
        """Count a session of a client, unless that would be one too many. All workers count before they look, so that
        together they never exceed the limit."""
        if not self._most:
            return True
        key = self._key(client)
        slot = self._slot(key)
        if slot is None:
            return True
        self._cells[slot + ClientCell.ACTIVE] += 1
        if self._active(slot, key) > self._most:
            self._cells[slot + ClientCell.ACTIVE] -= 1
            return False
        self._counted[session] = slot
        return True

    def leave(self, session: object) -> None:
        """The session has ended, if it was counted."""
        slot = self._counted.pop(session, None)
        if slot is not None:
            self._cells[slot + ClientCell.ACTIVE] -= 1

    def _key(self, client: str) -> int:
        """What stands for the client of this listener, the same in all workers; never 0."""
        if ":" in client:
            client = self._networks.of(client)
        return int.from_bytes(blake2b(client.encode(), digest_size=8, salt=self._salt).digest()) or 1

    def _active(self, slot: int, key: int) -> int:
        active = self._cells[slot + ClientCell.ACTIVE]
        for table in self._others:
            found = self._find(table, key)
            if found is not None:
                active += self._cells[found + ClientCell.ACTIVE]
        return active

    def _find(self, table: int, key: int) -> int | None:
        """The slot of a key in the table of some worker."""
        for probe in range(key, key + MOST_PROBES):
            slot = table + probe % CLIENTS.capacity * CLIENTS.width
            found = self._cells[slot + ClientCell.KEY]
            if found == key:
                return slot
            if not found:
                return None
        return None

    def _slot(self, key: int) -> int | None:
        """The slot of a key in this worker's table, a new one if it has none yet, or None when there is none left."""
        found = self._find(self._own, key)
        if found is not None:
            return found
        for probe in range(key, key + MOST_PROBES):
            slot = self._own + probe % CLIENTS.capacity * CLIENTS.width
            if not self._cells[slot + ClientCell.ACTIVE]:
                if not self._cells[slot + ClientCell.KEY]:
                    self._cells[self._used] += 1
                self._cells[slot + ClientCell.KEY] = key
                return slot
        return None
