"""The state of a backend: what probes and traffic say together."""

from tidegate.core.health.outlier import Outlier
from tidegate.core.health.rise_fall import Verdict
from tidegate.core.pools.backend import State


def state_of(verdict: Verdict, outlier: Outlier) -> State:
    """The state from probes and traffic together: only a backend that is up can be ejected."""
    return State.EJECTED if verdict is State.UP and outlier.ejection else verdict
