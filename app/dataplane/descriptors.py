"""How many sessions the limit of open files allows."""

import resource

from app.dataplane.splice import MOST_PIPES

RESERVED_DESCRIPTORS = 64 + 2 * MOST_PIPES  # for everything that is not a session


def most_sessions() -> int:
    """Two descriptors a session; running out of them in the middle of a dial would hurt more than a pause."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, (soft - RESERVED_DESCRIPTORS) // 2)
