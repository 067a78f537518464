"""Defaults that depend on other settings: the default listener and pool, the PROXY header of probes, and the drain delay
inside Kubernetes."""

from collections.abc import Iterator

from tidegate.core.preface.proxy_version import ProxyVersion
from tidegate.settings.reading.entry import Entry, GivenEntries
from tidegate.settings.reading.names import Path

DEFAULT_BIND = "0.0.0.0:8000"
DELAY_IN_KUBERNETES = "5s"


def default_entries(given: GivenEntries, *, in_kubernetes: bool) -> list[Entry]:
    """Return the entries that the given ones imply and that are not given themselves."""
    values = [*_default_pool(given), *_default_listener(given), *_pools_of_listeners(given), *_headers_of_probes(given)]
    if in_kubernetes:
        values.append((("drain", "delay"), DELAY_IN_KUBERNETES))
    return [Entry(path, path, value, given.where(path)) for path, value in values]


def has_default_pool(given: GivenEntries) -> bool:
    """Whether there is a pool named default: a setting of it or of the flat listener is given, or there is no other pool."""
    names = given.names("pools")
    return not names or "default" in names or any(_is_flat_listener(entry) for entry in given.all)


def _default_pool(given: GivenEntries) -> Iterator[tuple[Path, str]]:
    if has_default_pool(given) and "default" not in given.names("pools"):
        yield ("pools", "default", "backends"), ""


def _default_listener(given: GivenEntries) -> Iterator[tuple[Path, str]]:
    named = any(entry.path[:2] == ("listeners", "default") and not entry.is_flat for entry in given.all)
    if not has_default_pool(given) or named:
        return
    if ("listeners", "default", "bind") not in given.by_path:
        yield ("listeners", "default", "bind"), DEFAULT_BIND
    yield ("listeners", "default", "pool"), "default"


def _is_flat_listener(entry: Entry) -> bool:
    return entry.is_flat and entry.path[0] == "listeners"


def _pools_of_listeners(given: GivenEntries) -> Iterator[tuple[Path, str]]:
    for name in given.names("listeners"):
        yield ("listeners", name, "pool"), name


def _headers_of_probes(given: GivenEntries) -> Iterator[tuple[Path, str]]:
    """A backend that expects the header of clients would refuse probes without one."""
    for pool in given.names("pools"):
        path = ("pools", pool, "health", "send_proxy_protocol")
        header = given.by_path.get(("pools", pool, "send_proxy_protocol"))
        version = str(header.value).strip().lower() if header else ""
        if version in list(ProxyVersion) and path not in given.by_path:
            yield path, version
