"""The control process as its reports see it: its parts, and what state it is in."""

from dataclasses import dataclass
from time import monotonic

from tidegate.control import clock
from tidegate.control.log import ControlLog
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.totals import Totals
from tidegate.control.workers.listening_sockets import BoundListener
from tidegate.control.workers.processes import Workers
from tidegate.core.lifecycle import ProcessState


@dataclass
class Process:
    """What `/status`, `/metrics` and `/readyz` read: the parts of control, and what state it is in."""

    totals: Totals
    pools: dict[str, LivePool]
    listeners: dict[str, BoundListener]
    workers: Workers
    log: ControlLog
    state: ProcessState = ProcessState.STARTING

    def __post_init__(self) -> None:
        self.started = clock.now()
        self._started = monotonic()
        self.loop_lag = 0.0

    @property
    def uptime(self) -> float:
        """Seconds since the start."""
        return monotonic() - self._started
