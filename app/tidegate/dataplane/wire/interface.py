"""What both modules of the wire share: the states of a flow, and what a loop and its flows call."""

import select
from typing import Final, NamedTuple, Protocol

from tidegate.core.reasons import CloseReason

EDGES: Final = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLPRI | select.EPOLLET
"""Every change once, so that a socket needs to be registered once."""

# The states of a flow are numbers, which cost a compiled module one comparison.
READING: Final = 0  # the next event reads
BLOCKED: Final = 1  # the sink is full: once it has taken what is unsent, the flow reads on
NEXT_TURN: Final = 2  # it reads in the next turn, without an event
SOURCE_ENDED: Final = 3  # nothing more comes from the source
STOPPED: Final = 4  # it reads no more, and what the sink has not taken is dropped


class Handler(Protocol):
    """What handles the events of a descriptor."""

    def ready(self, events: int, /) -> None:
        """Something has changed at the socket: the bits of epoll_ctl(2)."""

    def failed(self) -> None:
        """`ready` raised, which is a bug in it: clean up."""


class Owner(Protocol):
    """What a flow reports to."""

    def backend_ended(self) -> None:
        """The backend has sent its end, and the client has not; it has been passed on."""

    def end(self, reason: CloseReason) -> None:
        """Both flows have ended, or one failed. No event follows."""


class Direction(Protocol):
    """What does the uncommon for a flow."""

    def flush(self) -> None:
        """Write what the sink did not take before."""

    def source_broke(self, *, cut: bool = False) -> None:
        """The source's connection is gone; with `cut` a read does not tell any more how it ended."""

    def sink_broke(self, error: int) -> None:
        """A write has failed with this error number."""

    def source_ended(self) -> None:
        """The source has ended after its connection broke."""

    def keep_urgent(self) -> None:
        """A byte of urgent data is there."""

    def splice(self) -> bool:
        """Move bytes without copying them; answers False when a read must tell what there is."""

    def go_on(self, size: int, unsent: bytes, hints: int, more: bool, /) -> None:  # noqa: FBT001  a keyword would cost more than the call
        """See to what a read of so many bytes and a write have left to do."""

    def release(self) -> None:
        """Give back all that is held."""


class Reasons(NamedTuple):
    """The reasons that a session ends with when the source of a flow ends or breaks."""

    source_ended: CloseReason
    source_broke: CloseReason
