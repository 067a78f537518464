"""How many of each there can be at most.

The stats board has a place for each listener, pool and backend, and settings refuse more. Only of counted clients there may
be more: those that find no place on the board have no limit of their own.
"""

MOST_LISTENERS = 256
MOST_POOLS = 256
MOST_BACKENDS = 16384
MOST_COUNTED_CLIENTS = 65536

MOST_PIPES = 32  # of one worker; a direction that finds none free copies
RESERVED_DESCRIPTORS = 64 + 2 * MOST_PIPES  # of a worker, for everything that is not a session
RESERVED_FOR_SOCKETS = 32  # of these, for listening sockets

CONTROL_DESCRIPTORS = 48  # for streams, the loop, the board, the log, look-ups, and the start of a worker
LEAST_ADMIN = 16  # connections to the admin port
LEAST_PROBES = 16  # of all pools, and one of each


def most_sessions(descriptors: int, sockets: int) -> int:
    """How many sessions a worker with so many file descriptors and listening sockets may have: two a session.

    Running out of them in the middle of a dial would hurt more than a pause.
    """
    return max(1, (descriptors - _reserved(sockets)) // 2)


def most_lingering(sessions: int) -> int:
    """How many sockets of sessions that have ended may wait for last bytes, of a worker that may have so many sessions.

    That is a quarter of the descriptors: peers that do not read must not keep new clients out.
    """
    return max(2, sessions // 2)


def needed_by_worker(sockets: int) -> int:
    """File descriptors without which a worker with so many listening sockets cannot carry even one session."""
    return _reserved(sockets) + 2


def needed_by_control(workers: int, addresses: int, pools: int) -> int:
    """File descriptors without which control cannot serve so many workers and pools at so many listening addresses.

    It has a link to each worker and a socket per worker and address, sends those of one listener at a time to a worker, and
    may have a connection to the API server and must have a probe per pool.
    """
    sockets = addresses * (workers + 1)
    return CONTROL_DESCRIPTORS + workers + sockets + LEAST_ADMIN + LEAST_PROBES + 2 * pools


def _reserved(sockets: int) -> int:
    return RESERVED_DESCRIPTORS + max(0, sockets - RESERVED_FOR_SOCKETS)
