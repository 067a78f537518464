"""All that can be done to a proxy: a line here per disturbance."""

from tests.faults.disturbances.backends import (
    BackendThatBreaksOff,
    DeafBackend,
    LostPackets,
    RedisTrouble,
    RefusingBackend,
    ResettingBackend,
    SilentBackend,
)
from tests.faults.disturbances.changes import ClosedOnRemoval, ClosedWhenDown, ComingAndGoing, Rebalancing
from tests.faults.disturbances.clients import ClientsThatBreakOff
from tests.faults.disturbances.discovery import ApiServerTrouble, DnsTrouble
from tests.faults.disturbances.disturbance import Disturbance
from tests.faults.disturbances.outside import FullDisk, JumpingClock, StoppedReader
from tests.faults.disturbances.processes import (
    KilledAll,
    KilledControl,
    KilledWorker,
    StoppedAll,
    StoppedControl,
    StoppedWorker,
    Terminated,
)
from tests.faults.disturbances.resources import FewDescriptors, FewPorts, LittleMemory

DISTURBANCES: tuple[type[Disturbance], ...] = (
    ComingAndGoing,
    ClosedOnRemoval,
    ClosedWhenDown,
    Rebalancing,
    KilledWorker,
    StoppedWorker,
    StoppedControl,
    StoppedAll,
    KilledControl,
    KilledAll,
    Terminated,
    FewDescriptors,
    LittleMemory,
    FewPorts,
    StoppedReader,
    FullDisk,
    JumpingClock,
    DnsTrouble,
    ApiServerTrouble,
    RedisTrouble,
    RefusingBackend,
    SilentBackend,
    ResettingBackend,
    DeafBackend,
    BackendThatBreaksOff,
    ClientsThatBreakOff,
    LostPackets,
)
