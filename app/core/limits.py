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


def most_sessions(descriptors: int) -> int:
    """How many sessions a worker with so many file descriptors may have: two a session.

    Running out of them in the middle of a dial would hurt more than a pause.
    """
    return max(1, (descriptors - RESERVED_DESCRIPTORS) // 2)
