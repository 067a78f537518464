"""How many sessions the limit of open files allows."""

import resource

from tidegate.core import limits


def most_sessions(sockets: int) -> int:
    """The number for this worker with so many listening sockets."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return limits.most_sessions(soft, sockets)
