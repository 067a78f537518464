"""How fast each client of a listener opens connections, in all workers together."""

from tidegate.dataplane.accept.client_table import ClientTable
from tidegate.link.board import ClientCell


class ClientRates:
    """A token bucket for each client of one listener, in the virtual scheduling of `core/token_bucket.py`.

    Each worker writes the time when the bucket will be full again, in microseconds, into its own table; the latest of all
    holds. Two workers that take a token in the same microseconds may both get the same one.
    """

    def __init__(self, table: ClientTable) -> None:
        self._table, self._cells = table, table.cells
        self.configure(0.0, 1)

    def configure(self, rate: float, burst: int) -> None:
        """Each client may open `rate` connections per second from now on, and `burst` at once; 0 means no limit."""
        self._interval = int(1_000_000 / rate) if rate else 0  # microseconds
        self._slack = (burst - 1) * self._interval

    def take(self, client: str, now: float) -> bool:
        """Take a token of a client; answers whether there was one."""
        if not self._interval:
            return True
        key = self._table.key(client)
        slot = self._table.slot(key, now)
        if slot is None:
            return True
        microseconds = int(now * 1_000_000)
        full_at = max(microseconds, *self._table.of_all_workers(slot, key, ClientCell.FULL_AT))
        if full_at - self._slack > microseconds:
            return False
        self._cells[slot + ClientCell.FULL_AT] = full_at + self._interval
        return True
