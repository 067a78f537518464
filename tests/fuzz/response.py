"""Answers of the API server as aiohttp hands them on, made without a connection."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import aiohttp
from aiohttp.base_protocol import BaseProtocol

from tests.fuzz.loop import the_loop
from tidegate.control.discovery.kubernetes.stream import Event, events


def response_of(chunks: Sequence[bytes]) -> aiohttp.ClientResponse:
    """An answer whose body comes in these chunks. It has a body only."""
    body = aiohttp.StreamReader(BaseProtocol(the_loop()), 1 << 20, loop=the_loop())
    for chunk in chunks:
        body.begin_http_chunk_receiving()
        body.feed_data(chunk)
        body.end_http_chunk_receiving()
    body.feed_eof()
    return cast("aiohttp.ClientResponse", SimpleNamespace(content=body))


async def events_of(chunks: Sequence[bytes]) -> list[Event]:
    """The events of a watch whose body comes in these chunks."""
    return [event async for event in events(response_of(chunks))]
