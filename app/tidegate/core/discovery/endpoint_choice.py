"""Which endpoints of a Service get connections, and as which backends: the choice that kube-proxy makes.

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
    """What a pool asks of a Service: a port by name or number (None: the only one), and where the proxy itself runs."""

    port: str | int | None = None
    node: str = ""
    zone: str = ""


class Choice(NamedTuple):
    """The backends to use, those that keep their sessions and get no new ones, and why there are not more of them."""

    backends: tuple[Backend, ...]
    draining: tuple[Backend, ...]
    problem: str = ""


class _Place(NamedTuple):
    endpoint: Endpoint
    port: int


def choose(slices: Iterable[Slice], wanted: Wanted) -> Choice:
    """Ready endpoints are used, those that the topology hints mean for us where they do; when none is ready, those that
    still serve while they terminate. All others that are listed drain."""
    slices = tuple(slices)
    places = _places(slices, wanted.port)
    ready = [place for place in places if place.endpoint.ready]
    used = _near(ready, wanted) or [place for place in places if place.endpoint.serving and place.endpoint.terminating]
    chosen = {id(place) for place in used}
    backends = tuple(map(_backend, used))
    draining = tuple(_backend(place) for place in places if id(place) not in chosen)
    return Choice(backends, draining, _problem(slices, wanted.port, listed=len(places), used=len(used)))


def _places(slices: Sequence[Slice], port: str | int | None) -> list[_Place]:
    """Every address and port once, also while an endpoint moves between slices; of a pod with both families, IPv4."""
    found: dict[tuple[str, int], _Place] = {}
    for part in slices:
        number = port_number(part.ports, port)
        if number is None:
            continue
        for endpoint in part.endpoints:
            known = found.get((endpoint.address, number))
            if known is None or _usefulness(known.endpoint) < _usefulness(endpoint):
                found[endpoint.address, number] = _Place(endpoint, number)
    with_ipv4 = {place.endpoint.uid for place in found.values() if ":" not in place.endpoint.address}
    return [
        place
        for (address, _), place in sorted(found.items())
        if ":" not in address or not place.endpoint.uid or place.endpoint.uid not in with_ipv4
    ]


def _usefulness(endpoint: Endpoint) -> tuple[bool, bool, bool, Endpoint]:
    """The better of two opinions about an address counts; the rest makes the result independent of their order."""
    return endpoint.ready, endpoint.serving, endpoint.terminating, endpoint


def port_number(ports: Sequence[Port], wanted: str | int | None) -> int | None:
    """The number that a slice has for a port, or None. A port that is left open is the one that is asked for by number."""
    if isinstance(wanted, int):
        return wanted if any(port.number in (wanted, ALL_PORTS) for port in ports) else None
    candidates = [port.number for port in ports if wanted is None or port.name == wanted]
    return candidates[0] if len(candidates) == 1 and candidates[0] > ALL_PORTS else None


def _near(ready: list[_Place], wanted: Wanted) -> list[_Place]:
    """Hints count only when every ready endpoint has them and one of them means us."""
    if wanted.node and all(place.endpoint.for_nodes for place in ready):
        near = [place for place in ready if wanted.node in place.endpoint.for_nodes]
        if near:
            return near
    if wanted.zone and all(place.endpoint.for_zones for place in ready):
        near = [place for place in ready if wanted.zone in place.endpoint.for_zones]
        if near:
            return near
    return ready


def _backend(place: _Place) -> Backend:
    endpoint = place.endpoint
    name = join_address(endpoint.address, place.port)
    return Backend(name, endpoint.address, place.port, pod=endpoint.pod, node=endpoint.node, zone=endpoint.zone)


def _problem(slices: Sequence[Slice], port: str | int | None, *, listed: int, used: int) -> str:
    """Why endpoints are left out, or why there are none; empty where all is as it should be."""
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
