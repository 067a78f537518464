"""What all relays of a worker share."""

from tidegate.core.splice import Splice
from tidegate.dataplane.loop.poller import Poller
from tidegate.dataplane.relay.coalescing import Coalescing
from tidegate.dataplane.relay.pipes import Pipes


class RelayContext:
    """The poller, the buffer that relays copy through, and the pipes that they splice through."""

    def __init__(self, poller: Poller, buffer_size: int, splice: Splice, workers: int = 1) -> None:
        self.poller = poller
        self.buffer = memoryview(bytearray(buffer_size))
        self.full = buffer_size
        self.little = buffer_size // 4
        self.pipes = Pipes(workers)
        self.coalescing = Coalescing(poller, self.pipes)
        self.always_splices = splice is Splice.ALWAYS
        self.short_reads_after_copy = 0 if splice is Splice.NEVER else 1  # of a full buffer; from 1 on a direction splices
