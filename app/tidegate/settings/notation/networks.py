"""Lists of addresses and networks, and files of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from tidegate.core.preface.address_ranges import parse_ranges
from tidegate.settings.notation.files import content_of
from tidegate.settings.notation.values import Notation
from tidegate.settings.parts.section import items_of

MOST_ITEMS = 1000
MOST_NETWORKS = 100_000
LARGEST_FILE = 8 << 20
EXPECTED = "addresses and networks, one in each line"
FILE_MARK = "@"


@dataclass(frozen=True)
class NetworkList:
    """`written` is as in the settings; `networks` has the lines of the files that are named there instead of their names."""

    written: tuple[str, ...]
    networks: tuple[str, ...]


def _read(value: object) -> NetworkList:
    if isinstance(value, NetworkList):
        return value
    items = items_of(value, MOST_ITEMS)
    written = tuple(item.strip() for item in items if isinstance(item, str))
    if not written or len(written) < len(items):
        raise ValueError(
            "expected a comma list of addresses and networks, like 10.0.0.0/8, 2001:db8::1 or @/etc/tidegate/list.txt"
        )
    networks = tuple(network for item in written for network in _networks(item))
    if len(networks) > MOST_NETWORKS:
        raise ValueError(f"{len(networks)} addresses and networks: expected at most {MOST_NETWORKS}")
    return NetworkList(written, networks)


def _networks(item: str) -> Iterator[str]:
    """The networks of one item; raises ValueError that names the file and the line of one that is wrong."""
    if not item.startswith(FILE_MARK):
        parse_ranges([item])
        yield item
        return
    name = item.removeprefix(FILE_MARK)
    try:
        lines = content_of(name, LARGEST_FILE, EXPECTED).decode("utf-8-sig").splitlines()
    except ValueError as error:
        reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else error
        raise ValueError(f"{name}: {reason}") from None
    for number, line in enumerate(lines, 1):
        if network := line.partition("#")[0].strip():
            try:
                parse_ranges([network])
            except ValueError as error:
                raise ValueError(f"{name}, line {number}: {error}") from None
            yield network


NETWORKS = Notation(_read, lambda given: list(given.written), {"type": ["string", "array"], "items": {"type": "string"}})
"""A comma list or a list; `@` before the name of a file stands for its lines."""
