"""What all relays of a worker share."""

from typing import Final

from tidegate.core.reasons import CloseReason
from tidegate.core.splice import Splice
from tidegate.dataplane.loop.poller import Poller
from tidegate.dataplane.relay.coalescing import Coalescing
from tidegate.dataplane.relay.direction import Direction
from tidegate.dataplane.relay.pipes import Pipes
from tidegate.dataplane.wire import Flow
from tidegate.dataplane.wire.interface import Reasons

TO_BACKEND: Final = Reasons(CloseReason.CLIENT_EOF, CloseReason.CLIENT_RESET)
TO_CLIENT: Final = Reasons(CloseReason.BACKEND_EOF, CloseReason.BACKEND_RESET)


class RelayContext:
    """The poller, and the pipes that relays splice through."""

    def __init__(self, poller: Poller, buffer_size: int, splice: Splice, workers: int = 1) -> None:
        self.poller = poller
        self.full = buffer_size
        self.little = buffer_size // 4
        self.pipes = Pipes(workers)
        self.coalescing = Coalescing(poller, self.pipes)
        self.short_reads_after_copy = 0 if splice is Splice.NEVER else 1  # of a full buffer; from 1 on a direction splices
        poller.loop.configure(buffer_size, self._direction_of, TO_BACKEND, TO_CLIENT, always_splices=splice is Splice.ALWAYS)

    def _direction_of(self, flow: Flow) -> Direction:
        return Direction(self, flow)
