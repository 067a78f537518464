"""The control process as its reports see it: its parts, and what state it is in."""

from dataclasses import dataclass
from time import monotonic

from app.control import clock
from app.control.listeners import BoundListener
from app.control.log import ControlLog
from app.control.pools import LivePool
from app.control.totals import Totals
from app.control.workers import Workers
from app.core.lifecycle import ProcessState


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
