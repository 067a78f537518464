"""How many sessions the limit of open files allows."""

import resource

from app.core import limits


def most_sessions() -> int:
    """The number for this worker."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return limits.most_sessions(soft)
