"""The cells of the stats board: counting in shared memory."""

from bisect import bisect_left
from typing import Final

from tidegate.dataplane.wire.plain.flow import Flow

DOUBLE: Final = 8  # bytes
LONGEST: Final = 1e12  # seconds


class Cells:
    """The numbers of a board by position. A position without a cell raises IndexError.

    Raises ValueError for a board that is not one of aligned unsigned numbers of 8 bytes.
    """

    def __init__(self, board: memoryview) -> None:
        cells = memoryview(board)
        if cells.format != "Q" or cells.readonly:
            raise ValueError("cells are aligned unsigned numbers of 8 bytes: a memoryview of format Q")
        self._cells = cells

    def __getitem__(self, cell: int) -> int:
        return self._cells[self._known(cell)]

    def __setitem__(self, cell: int, number: int) -> None:
        self._cells[self._known(cell)] = number

    def one_more(self, *cells: int) -> None:
        """Add 1 to each of up to three cells."""
        for cell in cells:
            self[cell] += 1

    def one_less(self, *cells: int) -> None:
        """Take 1 from each of up to three cells. Raises ValueError when one of them is 0, and leaves all as they are."""
        if not all(self[cell] for cell in cells):
            raise ValueError("a cell is 0 already")
        for cell in cells:
            self[cell] -= 1

    def count_moved(
        self, to_backend: Flow, to_client: Flow, sent_cell: int, received_cell: int, copied_cell: int, spliced_cell: int
    ) -> bool:
        """Add what two flows have moved since the last time; answers whether they have moved anything."""
        sent, received = to_backend.moved - to_backend.counted, to_client.moved - to_client.counted
        if not sent and not received:
            return False
        spliced = to_backend.spliced - to_backend.counted_spliced + to_client.spliced - to_client.counted_spliced
        self[sent_cell] += sent
        self[received_cell] += received
        self[copied_cell] += sent + received - spliced
        self[spliced_cell] += spliced
        for flow in (to_backend, to_client):
            flow.counted, flow.counted_spliced = flow.moved, flow.spliced
        return True

    def observe(self, first: int, bounds: bytes, seconds: float, also: int) -> None:
        """Count an observation in a histogram: a sum in microseconds, then a count per bucket, the last above all bounds.

        The bounds are doubles as the machine has them. Adds 1 to the cell `also`, too. Raises ValueError for what is
        no number of seconds.
        """
        for cell in (first, also, first + 1 + len(bounds) // DOUBLE):
            self._known(cell)
        if len(bounds) % DOUBLE or not 0 <= seconds < LONGEST:
            raise ValueError("bounds are doubles, and an observation is a number of seconds")
        self[first] += int(seconds * 1_000_000)
        self[first + 1 + bisect_left(memoryview(bounds).cast("d"), seconds)] += 1
        self[also] += 1

    def _known(self, cell: int) -> int:
        """The position, if there is such a cell: one from the end is a mistake here."""
        if not 0 <= cell < len(self._cells):
            raise IndexError("no such cell")
        return cell
