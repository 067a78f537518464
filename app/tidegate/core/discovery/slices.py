"""Parses the EndpointSlices or Endpoints of a Service, and keeps them up to date: (store, event) → store.

The rules are those of the types `discovery.k8s.io/v1 EndpointSlice` and `v1 Endpoints`, interpreted as in kube-proxy.
"""

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, TypeVar

Part = TypeVar("Part")

ALL_PORTS = 0
UNREADABLE = -1
TRUNCATED = "endpoints.kubernetes.io/over-capacity"
SERVICE_LABEL = "kubernetes.io/service-name"


class Port(NamedTuple):
    """A TCP port of a slice. The name is empty when it has none; the number is `ALL_PORTS` when it has none.

    A port that cannot be parsed has the number `UNREADABLE`. It matches no wanted port but still counts as a port of the
    slice, so that one other port is not taken for the only one.
    """

    name: str
    number: int


class Endpoint(NamedTuple):
    """One IP address with its conditions, pod, node, zone and topology hints. `uid` is its pod's, empty when it has none."""

    address: str
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    pod: str = ""
    uid: str = ""
    node: str = ""
    zone: str = ""
    for_nodes: tuple[str, ...] = ()
    for_zones: tuple[str, ...] = ()


class Slice(NamedTuple):
    """Endpoints with the same ports."""

    ports: tuple[Port, ...]
    endpoints: tuple[Endpoint, ...]


class Reading(NamedTuple):
    """The slices of one object, and complaints about the parts that could not be used."""

    slices: tuple[Slice, ...]
    complaints: tuple[str, ...] = ()


Read = Callable[[Mapping[str, object]], Reading]


class MalformedError(Exception):
    """A part of an object does not have the shape that its type prescribes."""


@dataclass(frozen=True, slots=True)
class Store:
    """All objects of one Service by name. The last event of each object counts, in whatever order the events come."""

    read: Read
    objects: Mapping[str, Reading] = field(default_factory=lambda: MappingProxyType({}))
    complaints: tuple[str, ...] = ()

    def listed(self, items: Iterable[object]) -> "Store":
        """The store with exactly the objects of a list."""
        store: dict[str, Reading] = {}
        complaints: list[str] = []
        for item in items:
            name, reading = self._read(item)
            complaints += reading.complaints
            if name:
                store[name] = reading
        return Store(self.read, MappingProxyType(store), tuple(complaints))

    def after(self, kind: str, item: object) -> "Store":
        """The store after an event of type ADDED, MODIFIED or DELETED. Its `complaints` are about this object only."""
        name, reading = self._read(item)
        if not name:
            return Store(self.read, self.objects, reading.complaints)
        objects = {known: value for known, value in self.objects.items() if known != name}
        if kind == "DELETED":
            return Store(self.read, MappingProxyType(objects))
        return Store(self.read, MappingProxyType(objects | {name: reading}), reading.complaints)

    @property
    def slices(self) -> Iterator[Slice]:
        """Every slice, sorted by the name of its object, so that the order of events makes no difference."""
        for name in sorted(self.objects):
            yield from self.objects[name].slices

    def _read(self, item: object) -> tuple[str, Reading]:
        name = name_of(item)
        if not name:
            return "", Reading((), ("an object without a name was skipped",))
        assert isinstance(item, Mapping)
        try:
            reading = self.read(item)
        except MalformedError as error:
            reading = Reading((), (f"{error}; the object was skipped",))
        return name, Reading(reading.slices, tuple(f"{name[:253]}: {complaint}" for complaint in reading.complaints))


def name_of(item: object) -> str:
    """The `metadata.name` of an object, empty when there is none."""
    metadata = item.get("metadata") if isinstance(item, Mapping) else None
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return name if isinstance(name, str) else ""


def read_slice(item: Mapping[str, object]) -> Reading:
    """Read an EndpointSlice. Nil conditions mean ready, serving and not terminating; only the first address counts.

    Raises MalformedError.
    """
    family = item.get("addressType")
    if family not in ("IPv4", "IPv6"):
        return Reading((), (f"addressType {_shown(family)} is ignored: expected IPv4 or IPv6",))
    complaints: list[str] = []
    endpoints = tuple(_read_each(_list(item, "endpoints"), "endpoint", _endpoint, complaints))
    return Reading((Slice(_ports(item, complaints), endpoints),), tuple(dict.fromkeys(complaints)))


def read_endpoints(item: Mapping[str, object]) -> Reading:
    """Read a `v1 Endpoints` object: each subset is a slice. The type has no terminating endpoints and no zones.

    Raises MalformedError.
    """
    complaints: list[str] = []
    slices = tuple(_read_each(_list(item, "subsets"), "subset", lambda raw: _subset(raw, complaints), complaints))
    annotations = _optional_mapping(_optional_mapping(item, "metadata"), "annotations")
    if TRUNCATED in annotations:
        complaints.append("the cluster lists only 1000 addresses in Endpoints; expected endpointslices")
    return Reading(slices, tuple(dict.fromkeys(complaints)))


def _read_each(
    items: Iterable[object], what: str, read: Callable[[Mapping[str, object]], Part], complaints: list[str]
) -> Iterator[Part]:
    """The parts that can be parsed. Each of the others adds a complaint."""
    for raw in items:
        try:
            yield read(_mapping(raw, what))
        except MalformedError as error:
            complaints.append(f"{error}; the {what} was skipped")


def _subset(raw: Mapping[str, object], complaints: list[str]) -> Slice:
    ready = _read_each(_list(raw, "addresses"), "address", _ready, complaints)
    not_ready = _read_each(_list(raw, "notReadyAddresses"), "address", _not_ready, complaints)
    return Slice(_ports(raw, complaints), (*ready, *not_ready))


def _endpoint(raw: Mapping[str, object]) -> Endpoint:
    addresses = _list(raw, "addresses")
    if not addresses:
        raise MalformedError("an endpoint has no address")
    conditions = _optional_mapping(raw, "conditions")
    reference = _optional_mapping(raw, "targetRef")
    hints = _optional_mapping(raw, "hints")
    return Endpoint(
        _address(addresses[0]),
        ready=_condition(conditions, "ready", nil=True),
        serving=_condition(conditions, "serving", nil=True),
        terminating=_condition(conditions, "terminating", nil=False),
        pod=_pod(reference),
        uid=_text(reference, "uid"),
        node=_text(raw, "nodeName"),
        zone=_text(raw, "zone"),
        for_nodes=_names(hints, "forNodes"),
        for_zones=_names(hints, "forZones"),
    )


def _ready(raw: Mapping[str, object]) -> Endpoint:
    reference = _optional_mapping(raw, "targetRef")
    return Endpoint(_address(raw.get("ip")), pod=_pod(reference), uid=_text(reference, "uid"), node=_text(raw, "nodeName"))


def _not_ready(raw: Mapping[str, object]) -> Endpoint:
    return _ready(raw)._replace(ready=False, serving=False)


def _ports(raw: Mapping[str, object], complaints: list[str]) -> tuple[Port, ...]:
    """The TCP ports. No ports at all, as for a Service without ports, mean the same as one port without a number."""
    given = _list(raw, "ports")
    if not given:
        return (Port("", ALL_PORTS),)
    read = list(_read_each(given, "port", _port, complaints))
    unreadable = (Port("", UNREADABLE),) if len(read) < len(given) else ()
    return (*(port for port in read if port), *unreadable)


def _port(raw: Mapping[str, object]) -> Port | None:
    """The port, or None if its protocol is not TCP."""
    return Port(_text(raw, "name"), _number(raw)) if (_text(raw, "protocol") or "TCP") == "TCP" else None


def _number(raw: Mapping[str, object]) -> int:
    number = raw.get("port")
    if number is None:
        return ALL_PORTS
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= 65535:
        return number
    raise MalformedError(f"port {_shown(number)} is not a number from 1 to 65535")


def _address(value: object) -> str:
    try:
        return str(ipaddress.ip_address(value)) if isinstance(value, str) else _no_address(value)
    except ValueError:
        return _no_address(value)


def _no_address(value: object) -> str:
    raise MalformedError(f"address {_shown(value, 60)} is not an IP address")


def _pod(reference: Mapping[str, object]) -> str:
    return _text(reference, "name") if _text(reference, "kind") == "Pod" else ""


def _condition(conditions: Mapping[str, object], key: str, *, nil: bool) -> bool:
    value = conditions.get(key)
    if value is None:
        return nil
    if isinstance(value, bool):
        return value
    raise MalformedError(f"condition {key} is {_shown(value)}, expected true or false")


def _names(hints: Mapping[str, object], key: str) -> tuple[str, ...]:
    return tuple(_text(_mapping(hint, "a hint"), "name") for hint in _list(hints, key))


def _text(raw: Mapping[str, object], key: str) -> str:
    value = raw.get(key)
    if value is None:
        return ""
    if isinstance(value, str):
        return value[:253]
    raise MalformedError(f"{key} is {_shown(value)}, expected text")


def _list(raw: Mapping[str, object], key: str) -> list[object]:
    value = raw.get(key)
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise MalformedError(f"{key} is not a list")


def _mapping(value: object, what: str) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return value
    raise MalformedError(f"{what} is not an object")


def _optional_mapping(raw: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = raw.get(key)
    return {} if value is None else _mapping(value, key)


def _shown(value: object, longest: int = 20) -> str:
    """A value in a complaint. A list or an object is not written out: it may be large, or nested too deeply for `str`."""
    match value:
        case list():
            return "a list"
        case Mapping():
            return "an object"
    return repr(str(value)[:longest])
