"""Balancing: which eligible backend gets the next connection. One policy per file, one protocol, one registry."""

from collections.abc import Callable, Mapping

from app.core.balance.least_connections import LeastConnections
from app.core.balance.policy import Policy
from app.core.balance.round_robin import RoundRobin
from app.core.balance.source_hash import SourceHash

POLICIES: Mapping[str, Callable[[], Policy]] = {
    "round_robin": RoundRobin,
    "least_connections": LeastConnections,
    "source_hash": SourceHash,
}
