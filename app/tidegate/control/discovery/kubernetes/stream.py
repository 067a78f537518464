"""Parses the bodies of watches (one JSON object per line) and lists, with bounds on their size."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import aiohttp
import orjson

from tidegate.control.discovery.kubernetes.trouble import ClusterError

LARGEST_EVENT = 16 << 20  # bytes; etcd stores objects of at most 1.5 MiB
LARGEST_LIST = 32 << 20  # bytes; 16,384 endpoints, the most that a pool can have, take about 16 MiB
KINDS = frozenset({"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"})


class Event(NamedTuple):
    """One event of a watch: its type, and the object as received."""

    kind: str
    item: object


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[Event]:
    """The events, until the clean end of the stream. Raises ClusterError for anything that is not an event."""
    buffer = bytearray()
    async for chunk in response.content.iter_any():
        buffer += chunk
        if b"\n" not in chunk:
            if len(buffer) > LARGEST_EVENT:
                raise ClusterError(f"an event of more than {LARGEST_EVENT >> 20} MiB")
            continue
        *lines, rest = buffer.split(b"\n")
        buffer = rest
        for line in lines:
            if line.strip():
                yield _event(line)
    if buffer.strip():
        raise ClusterError("the watch ended in the middle of an event")


def _event(line: bytes | bytearray) -> Event:
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ClusterError("the watch sent something that is not JSON") from error
    kind = event.get("type") if isinstance(event, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise ClusterError("the watch sent something that is no event")
    return Event(kind, event.get("object"))


async def whole_list(response: aiohttp.ClientResponse) -> tuple[list[object], str]:
    """The items of a list and its resource version. Raises ClusterError if the answer is not a list."""
    buffer = bytearray()
    async for chunk in response.content.iter_any():
        buffer += chunk
        if len(buffer) > LARGEST_LIST:
            raise ClusterError(f"a list of more than {LARGEST_LIST >> 20} MiB")
    try:
        body = orjson.loads(buffer)
    except orjson.JSONDecodeError as error:
        raise ClusterError("the answer to a list is not JSON") from error
    kind = body.get("kind") if isinstance(body, dict) else None
    if not isinstance(kind, str) or not kind.endswith("List") or not isinstance(body.get("items", ""), list | None):
        raise ClusterError("the answer to a list is no list")
    version = version_of(body)
    if not version:
        raise ClusterError("the list has no resource version")
    return body["items"] or [], version


def version_of(item: object) -> str:
    """The resource version of an object or a list, an opaque text; empty if it has none."""
    metadata = item.get("metadata") if isinstance(item, dict) else None
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    return version if isinstance(version, str) else ""
