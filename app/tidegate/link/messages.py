"""What crosses the link: snapshots and orders down to a worker, events up to control, one JSON object per line.

Every message is a frozen value; `type` on the wire is its class name. A `ListenerAdded` and a `ListenerShared` travel with
one file descriptor per address in `binds`, in that order; a `Hello` may carry some, too.
"""

from dataclasses import dataclass

from tidegate.core.listener_options import ListenerOptions
from tidegate.core.pools.backend import Backend
from tidegate.core.pools.options import PoolOptions


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message to a worker: what it needs to know about the process. Sizes in bytes.

    With `has_inboxes`, two descriptors for each worker travel with it (`make_inboxes`).
    """

    buffer_size: int
    splice: str
    log_sessions: bool
    log_console: bool
    has_inboxes: bool = False


@dataclass(frozen=True, slots=True)
class PoolAdded:
    """A pool to serve, or new options for one already known; these hold for live sessions, too."""

    name: str
    slot: int
    options: PoolOptions


@dataclass(frozen=True, slots=True)
class PoolRemoved:
    """No listener uses this pool any more."""

    name: str


@dataclass(frozen=True, slots=True)
class BackendEntry:
    """A backend as routing sees it, and the slot of its counters on the stats board.

    `warming_since` is when it came up for a slow start, in seconds of the monotonic clock that all processes have in common;
    None when it is not to have one.
    """

    slot: int
    eligible: bool
    name: str
    host: str
    port: int
    weight: int
    max_connections: int
    backup: bool
    order: int = 0
    warming_since: float | None = None
    pod: str = ""
    node: str = ""
    zone: str = ""

    @staticmethod
    def of(backend: Backend, slot: int, *, eligible: bool, warming_since: float | None = None) -> "BackendEntry":
        """The entry of a backend."""
        return BackendEntry(
            slot,
            eligible,
            backend.name,
            backend.host,
            backend.port,
            backend.weight,
            backend.max_connections,
            backend.backup,
            backend.order,
            warming_since,
            backend.pod,
            backend.node,
            backend.zone,
        )


@dataclass(frozen=True, slots=True)
class BackendsChanged:
    """Backends of a pool that are new or different, and the names of those that left: one change costs one entry."""

    pool: str
    changed: list[BackendEntry]
    removed: list[str]


@dataclass(frozen=True, slots=True)
class ListenerAdded:
    """A listener to accept on. Its bound sockets, one per address, come with the message."""

    name: str
    slot: int
    pool: str
    binds: list[str]
    options: ListenerOptions


@dataclass(frozen=True, slots=True)
class ListenerShared:
    """The sockets of another worker at a listener, one per address, to accept on while that one does not."""

    name: str
    worker: int


@dataclass(frozen=True, slots=True)
class ListenerRemoved:
    """A listener to close; its sessions live on."""

    name: str


@dataclass(frozen=True, slots=True)
class AffinityEntry:
    """A client address and the backend that it was given; `idle` is seconds since it was last seen."""

    client: str
    backend: str
    idle: float


@dataclass(frozen=True, slots=True)
class AffinityTold:
    """What control's table for this pool says now of these clients. All workers are told the same, in the same order."""

    pool: str
    entries: list[AffinityEntry]


@dataclass(frozen=True, slots=True)
class ListSessions:
    """Asks for at most `limit` live sessions, only of this pool or backend where these are not empty."""

    request: int
    limit: int
    pool: str = ""
    backend: str = ""


@dataclass(frozen=True, slots=True)
class CloseSessions:
    """Close live sessions of one backend for a close reason: idle ones first, of these the oldest.

    At most `most` of them (0: all there are), and none while the backend has no more than `keep` connections, those of other
    workers included. They are spread over `window` seconds, and all orders of a pool together close at most `rate` per
    second (0: no limit). Takes the place of an earlier order for this backend.
    """

    pool: str
    backend: str
    reason: str
    most: int
    keep: int
    window: float
    rate: float


@dataclass(frozen=True, slots=True)
class KeepSessions:
    """Close no more sessions of this backend, if that was ordered."""

    pool: str
    backend: str


@dataclass(frozen=True, slots=True)
class Drain:
    """Close the listeners, let the sessions finish, close what is left at the end of `grace` seconds, and exit."""

    grace: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Close every session and exit now."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker has applied everything sent before this listener and accepts on it."""

    listener: str


@dataclass(frozen=True, slots=True)
class SocketsLost:
    """The worker had no descriptors left for the sockets that `worker` has at this listener; it wants them again."""

    listener: str
    worker: int


@dataclass(frozen=True, slots=True)
class BackendFailed:
    """Dials and sessions failed at a backend, so a probe at once is worth its cost.

    The counts are those since the last such report of this worker, and since the last good session of this worker there;
    `good` is the worker's own count of good sessions then. The other fields are those of `core/health/outlier.py`.
    """

    worker: int
    pool: str
    backend: str
    good: int
    dials: int
    resets: int
    early_ends: int
    disputed: int
    clients: list[str]
    reason: str


@dataclass(frozen=True, slots=True)
class AffinityLearned:
    """Clients that a worker has given a backend, or has seen on theirs again."""

    pool: str
    entries: list[AffinityEntry]


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """One live session. Times in seconds.

    `peer` is None where the client has connected itself; pod, node and zone of the backend are None where unknown.
    """

    id: str
    client: str
    listener: str
    pool: str
    backend: str | None
    age_seconds: float
    sent_bytes: int
    received_bytes: int
    idle_seconds: float
    peer: str | None = None
    pod: str | None = None
    node: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Sessions:
    """The answer to `ListSessions`, and how many sessions there are in all."""

    request: int
    total: int
    sessions: list[SessionEntry]


Down = (
    Hello
    | PoolAdded
    | PoolRemoved
    | BackendsChanged
    | AffinityTold
    | ListenerAdded
    | ListenerShared
    | ListenerRemoved
    | ListSessions
    | CloseSessions
    | KeepSessions
    | Drain
    | Stop
)
Up = Ready | SocketsLost | BackendFailed | AffinityLearned | Sessions
Message = Down | Up
