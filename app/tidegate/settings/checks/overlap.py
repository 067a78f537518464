"""Refuses addresses that two listeners, or a listener and the admin port, cannot both bind."""

import ipaddress
from collections.abc import Iterator

from tidegate.core.address import Address, is_ip
from tidegate.core.pools.cycles import EVERY_ADDRESS, EVERY_IPV4
from tidegate.settings.checks.problem import problem_at
from tidegate.settings.model import Settings
from tidegate.settings.notation.addresses import read_bind
from tidegate.settings.parts.listener import bind_items
from tidegate.settings.reading.entry import GivenEntries
from tidegate.settings.reading.names import Path


def overlap_problems(given: GivenEntries) -> list[str]:
    """Return a line for each address that overlaps with an earlier one. Ignores addresses that are not valid."""
    taken: dict[tuple[str, int], str] = {}
    problems = []
    for path, address in _addresses(given):
        other = next((taken[key] for key in _conflicts(address) if key in taken), None)
        if other is not None:
            problems.append(problem_at(path, f"it overlaps with {other}: give another address or port", given))
        for key in _claims(address):
            taken.setdefault(key, f"{address} of {given.where(path)}")
    return problems


def _addresses(given: GivenEntries) -> Iterator[tuple[Path, Address]]:
    admin = given.by_path.get(("admin",))
    yield from _valid(("admin",), admin.value if admin else Settings.model_fields["admin"].default)
    for name in given.names("listeners"):
        path = ("listeners", name, "bind")
        for index, item in enumerate(_items(given, path)):
            yield from _valid((*path, index), item)


def _items(given: GivenEntries, path: Path) -> list[object]:
    try:
        return bind_items(given.by_path[path].value)
    except (KeyError, ValueError):
        return []


def _valid(path: Path, value: object) -> Iterator[tuple[Path, Address]]:
    try:
        yield path, read_bind(value).address
    except ValueError:
        return


def _claims(address: Address) -> Iterator[tuple[str, int]]:
    """Yield the keys under which this address is taken: itself, any address on its port, and any IPv4 one if it is one."""
    yield address
    yield ("any", address.port)
    if _is_ipv4(address):
        yield ("any IPv4", address.port)


def _conflicts(address: Address) -> Iterator[tuple[str, int]]:
    """Yield the keys of addresses that cannot be bound together with this one."""
    yield address
    yield (EVERY_ADDRESS, address.port)
    if _is_ipv4(address):
        yield (EVERY_IPV4, address.port)
    if address.host == EVERY_IPV4:
        yield ("any IPv4", address.port)
    if address.host == EVERY_ADDRESS:
        yield ("any", address.port)


def _is_ipv4(address: Address) -> bool:
    return is_ip(address.host) and ipaddress.ip_address(address.host).version == 4
