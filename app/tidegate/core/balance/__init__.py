"""Balancing: which eligible backend gets the next connection. One policy per file, one protocol, one registry."""

from collections.abc import Callable, Mapping
from typing import Any

from tidegate.core.balance.first import First
from tidegate.core.balance.least_connections import LeastConnections
from tidegate.core.balance.least_latency import LeastLatency
from tidegate.core.balance.policy import Policy, PolicyContext
from tidegate.core.balance.random_two import RandomTwo
from tidegate.core.balance.round_robin import RoundRobin


def _source_hash(context: PolicyContext) -> Policy[Any]:
    from tidegate.core.balance.source_hash import SourceHash  # noqa: PLC0415  hashlib loads OpenSSL: 4 MB, for this policy only

    return SourceHash(context.networks, context.bounded_load)


POLICIES: Mapping[str, Callable[[PolicyContext], Policy[Any]]] = {
    "round_robin": lambda _: RoundRobin(),
    "least_connections": lambda _: LeastConnections(),
    "least_latency": lambda context: LeastLatency(context.clock),
    "random_two": lambda context: RandomTwo(context.random),
    "first": lambda _: First(),
    "source_hash": _source_hash,
}
