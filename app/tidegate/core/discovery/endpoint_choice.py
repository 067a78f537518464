"""Chooses the endpoints of a Service that become backends, by the rules of kube-proxy.

Source: `CategorizeEndpoints` in kubernetes/pkg/proxy/topology.go.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tidegate.core.address import join_address
from tidegate.core.discovery.slices import ALL_PORTS, Endpoint, Port, Slice
from tidegate.core.pools.backend import Backend


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a pool wants of a Service: a port by name or number (None: the only one); and the proxy's own node and zone."""

    port: str | int | None = None
    node: str = ""
    zone: str = ""


class Choice(NamedTuple):
    """The backends to use; those that drain (they keep their sessions and get no new ones); and the problem, if any."""

    backends: tuple[Backend, ...]
    draining: tuple[Backend, ...]
    problem: str = ""


class _EndpointPort(NamedTuple):
    endpoint: Endpoint
    port: int


def choose(slices: Iterable[Slice], wanted: Wanted) -> Choice:
    """Use the ready endpoints; if topology hints name our node or zone, only the ready ones there. If none is ready, use
    those that still serve while they terminate. All other listed endpoints drain."""
    slices = tuple(slices)
    listed = _listed(slices, wanted.port)
    ready = [found for found in listed if found.endpoint.ready]
    used = _near(ready, wanted) or [found for found in listed if found.endpoint.serving and found.endpoint.terminating]
    chosen = {id(found) for found in used}
    backends = tuple(map(_backend, used))
    draining = tuple(_backend(found) for found in listed if id(found) not in chosen)
    return Choice(backends, draining, _problem(slices, wanted.port, listed=len(listed), used=len(used)))


def _listed(slices: Sequence[Slice], port: str | int | None) -> list[_EndpointPort]:
    """Every address and port once, even if an endpoint is in two slices while it moves. Of a dual-stack pod, IPv4 only."""
    found: dict[tuple[str, int], _EndpointPort] = {}
    for part in slices:
        number = port_number(part.ports, port)
        if number is None:
            continue
        for endpoint in part.endpoints:
            known = found.get((endpoint.address, number))
            if known is None or _usefulness(known.endpoint) < _usefulness(endpoint):
                found[endpoint.address, number] = _EndpointPort(endpoint, number)
    with_ipv4 = {entry.endpoint.uid for entry in found.values() if ":" not in entry.endpoint.address}
    return [
        entry
        for (address, _), entry in sorted(found.items())
        if ":" not in address or not entry.endpoint.uid or entry.endpoint.uid not in with_ipv4
    ]


def _usefulness(endpoint: Endpoint) -> tuple[bool, bool, bool, Endpoint]:
    """The sort key of two entries for one address: the more useful one counts, whatever the order of the slices."""
    return endpoint.ready, endpoint.serving, endpoint.terminating, endpoint


def port_number(ports: Sequence[Port], wanted: str | int | None) -> int | None:
    """The port number in a slice of the wanted port, or None. A port without a number matches any wanted number."""
    if isinstance(wanted, int):
        return wanted if any(port.number in (wanted, ALL_PORTS) for port in ports) else None
    candidates = [port.number for port in ports if wanted is None or port.name == wanted]
    return candidates[0] if len(candidates) == 1 and candidates[0] > ALL_PORTS else None


def _near(ready: list[_EndpointPort], wanted: Wanted) -> list[_EndpointPort]:
    """The endpoints hinted for our node, else for our zone. Hints count only if every endpoint has them and one matches."""
    if wanted.node and all(found.endpoint.for_nodes for found in ready):
        near = [found for found in ready if wanted.node in found.endpoint.for_nodes]
        if near:
            return near
    if wanted.zone and all(found.endpoint.for_zones for found in ready):
        near = [found for found in ready if wanted.zone in found.endpoint.for_zones]
        if near:
            return near
    return ready


def _backend(found: _EndpointPort) -> Backend:
    endpoint = found.endpoint
    name = join_address(endpoint.address, found.port)
    return Backend(name, endpoint.address, found.port, pod=endpoint.pod, node=endpoint.node, zone=endpoint.zone)


def _problem(slices: Sequence[Slice], port: str | int | None, *, listed: int, used: int) -> str:
    """Why endpoints are left out, or why there are none. Empty when all is well."""
    filled = [part for part in slices if part.endpoints]
    if not filled:
        return "the Service has no endpoints" if slices else ""
    without = sum(port_number(part.ports, port) is None for part in filled)
    if not without:
        return "" if used else f"none of {listed} endpoints is ready"
    known = sorted({known for part in filled for known in part.ports if known.number > ALL_PORTS})
    names = ", ".join(f"{known.name or '(unnamed)'} ({known.number})" for known in known[:20]) or "none; give a number"
    what = "exactly one TCP port" if port is None else f"the TCP port {port!r}"
    which = "no slice has" if without == len(filled) else f"{without} of {len(filled)} slices are left out: they have not"
    return f"{which} {what}: expected one of {names}"
