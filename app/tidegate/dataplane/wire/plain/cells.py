"""The cells of the stats board: counting in shared memory."""

from bisect import bisect_left

from tidegate.dataplane.wire.plain.flow import Flow


class Cells:
    """The numbers of a board by position. A position without a cell raises IndexError."""

    def __init__(self, board: memoryview) -> None:
        self._cells = board

    def __getitem__(self, cell: int) -> int:
        return self._cells[_checked(cell)]

    def __setitem__(self, cell: int, number: int) -> None:
        self._cells[_checked(cell)] = number

    def one_more(self, *cells: int) -> None:
        """Add 1 to each of up to three cells."""
        for cell in cells:
            self[cell] += 1

    def one_less(self, *cells: int) -> None:
        """Take 1 from each of up to three cells."""
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

        The bounds are doubles as the machine has them. Adds 1 to the cell `also`, too.
        """
        limits = memoryview(bounds).cast("d")
        self[first + 1 + len(limits)] += 0  # all buckets are there, or none is counted
        self[first] += int(seconds * 1_000_000)
        self[first + 1 + bisect_left(limits, seconds)] += 1
        self[also] += 1


def _checked(cell: int) -> int:
    """A position from the front: one from the back is a fault."""
    if cell < 0:
        raise IndexError(f"no cell {cell}")
    return cell
