"""Shares the file descriptors of control out, so that nothing takes those of the probes, the workers or the admin port."""

import resource
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate.core import limits

if TYPE_CHECKING:
    from tidegate.settings.model import Settings


class TooFewDescriptorsError(Exception):
    """The limit of open files is too low to serve; the text says what is needed."""


@dataclass(frozen=True, slots=True)
class Descriptors:
    """How many connections the admin port may have, and how many probes of one pool may be under way."""

    admin: int
    probes: int


def share_out(settings: "Settings") -> Descriptors:
    """The shares under the current limit of open files. Raises TooFewDescriptorsError."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # workers inherit it
    addresses = sum(len(listener.bind) for listener in settings.listeners.values())
    pools = len(settings.pools)
    control = limits.needed_by_control(settings.workers, addresses, pools)
    sockets = settings.workers * addresses + limits.inbox_sockets(settings.workers)
    needed = max(control, limits.needed_by_worker(sockets))
    if soft < needed:
        raise TooFewDescriptorsError(
            f"the limit of open files (ulimit -n) is {soft}: needed for workers ({settings.workers}), addresses to listen "
            f"on ({addresses}) and pools ({pools}) are {needed}, and two more for each session of a worker"
        )
    spare = (soft - control) // 2
    return Descriptors(limits.LEAST_ADMIN + spare, 1 + (limits.LEAST_PROBES + spare) // pools)
