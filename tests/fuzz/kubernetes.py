"""What holds for the endpoints of a Service, whatever its objects say."""

import ipaddress
from collections.abc import Iterable, Iterator

import orjson

from tidegate.core.discovery.endpoint_choice import Wanted, choose
from tidegate.core.discovery.slices import Read, Store, name_of
from tidegate.core.pools.backend import Backend

LONGEST_COMPLAINT = 600
WANTED = (Wanted(), Wanted("http"), Wanted(8000), Wanted("http", "node-1", "zone-a"))


def follow(data: bytes, read: Read) -> None:
    """Apply the events in these lines. The store then equals a list of the last object of each name."""
    store, last = Store(read), dict[str, object]()
    for kind, item in _events(data):
        store = store.after(kind, item)
        for complaint in store.complaints:
            assert len(complaint) < LONGEST_COMPLAINT, complaint
        last[name_of(item)] = item
        if kind == "DELETED":
            del last[name_of(item)]
    assert Store(read).listed(last.values()).objects == store.objects
    for wanted in WANTED:
        choice = choose(store.slices, wanted)
        _check((*choice.backends, *choice.draining))


def _events(data: bytes) -> Iterator[tuple[str, object]]:
    for line in data.splitlines():
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(event, dict):
            yield str(event.get("type")), event.get("object")


def _check(backends: Iterable[Backend]) -> None:
    """Each backend has an IP address and a port, and a name of its own."""
    names = set()
    for backend in backends:
        ipaddress.ip_address(backend.host)
        assert 1 <= backend.port <= 65535, backend
        assert backend.name not in names, backend
        names.add(backend.name)
