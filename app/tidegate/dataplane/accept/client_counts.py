"""How many connections each client of a listener has, in all workers together."""

from tidegate.dataplane.accept.client_table import ClientTable
from tidegate.link.board import ClientCell


class ClientCounts:
    """Connections of each client of one listener."""

    def __init__(self, table: ClientTable) -> None:
        self._table, self._cells = table, table.cells
        self._most = 0
        self._counted: dict[object, int] = {}

    def configure(self, most: int) -> None:
        """Each client may have at most `most` connections from now on; 0 means no limit."""
        self._most = most

    def enter(self, session: object, client: str, now: float) -> bool:
        """Count a session of a client, unless that would be one too many. All workers count before they look, so that
        together they never exceed the limit."""
        if not self._most:
            return True
        key = self._table.key(client)
        slot = self._table.slot(key, now)
        if slot is None:
            return True
        self._cells[slot + ClientCell.ACTIVE] += 1
        if sum(self._table.of_all_workers(slot, key, ClientCell.ACTIVE)) > self._most:
            self._cells[slot + ClientCell.ACTIVE] -= 1
            return False
        self._counted[session] = slot
        return True

    def leave(self, session: object) -> None:
        """The session has ended, if it was counted."""
        slot = self._counted.pop(session, None)
        if slot is not None:
            self._cells[slot + ClientCell.ACTIVE] -= 1
