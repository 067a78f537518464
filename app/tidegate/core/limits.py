"""The most listeners, pools, backends, sessions and file descriptors that a process can have.

The stats board has cells for this many listeners, pools and backends, and settings refuse more. There may be more clients
than MOST_COUNTED_CLIENTS: the limits per client do not apply to clients without a cell on the board.
"""

MOST_LISTENERS = 1024
MOST_POOLS = 1024
MOST_BACKENDS = 16384
MOST_COUNTED_CLIENTS = 65536

MOST_PIPES = 32  # per worker; a direction copies while no pipe is free
RESERVED_DESCRIPTORS = 64 + 2 * MOST_PIPES  # per worker, for everything except sessions
RESERVED_FOR_SOCKETS = 32  # part of RESERVED_DESCRIPTORS, for listening sockets

CONTROL_DESCRIPTORS = 48  # for streams, the loop, the board, the log, look-ups, and the start of a worker
LEAST_ADMIN = 16  # connections to the admin port
LEAST_PROBES = 16  # shared by all pools; each pool has one more


def most_sessions(descriptors: int, sockets: int) -> int:
    """How many sessions a worker may have, given its file descriptors and listening sockets: a session takes two.

    At this limit a worker pauses accepting, which does less harm than running out of descriptors during a dial.
    """
    return max(1, (descriptors - _reserved(sockets)) // 2)


def most_lingering(sessions: int) -> int:
    """How many sockets of ended sessions may linger until their last bytes are acknowledged, in a worker.

    `sessions` is the most that the worker may have. The result is a quarter of their descriptors: peers that do not read
    must not keep new clients out.
    """
    return max(2, sessions // 2)


def needed_by_worker(sockets: int) -> int:
    """The fewest file descriptors with which a worker with this many listening sockets can carry one session."""
    return _reserved(sockets) + 2


def needed_by_control(workers: int, addresses: int, pools: int) -> int:
    """The fewest file descriptors with which control can serve these workers, pools and listening addresses.

    Control has a link to each worker, the sockets of their inboxes, and a socket per worker and address. It sends one
    listener's sockets at a time to a worker. Per pool it needs one probe and possibly a connection to the API server.
    """
    sockets = addresses * (workers + 1)
    return CONTROL_DESCRIPTORS + workers + inbox_sockets(workers) + sockets + LEAST_ADMIN + LEAST_PROBES + 2 * pools


def inbox_sockets(workers: int) -> int:
    """How many sockets the inboxes of several workers are, which each of them has; one worker has none."""
    return 2 * workers if workers > 1 else 0


def _reserved(sockets: int) -> int:
    return RESERVED_DESCRIPTORS + max(0, sockets - RESERVED_FOR_SOCKETS)
