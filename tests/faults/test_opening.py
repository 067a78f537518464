"""Openings: they lead where they say, and are read to their last byte and no further."""

import asyncio

import pytest

from tests.faults.opening import HANDSHAKE, NOTHING, ROUTES, Opening, opening, read_opening
from tidegate.core.preface.client_hello import ClientHello, read_client_hello
from tidegate.core.preface.request_head import RequestHead, read_request_head
from tidegate.core.preface.routes import FirstBytes, Routes
from tidegate.settings.parts.route import RouteSettings

SEEDS = 2000
NEXT = b"what follows"


def known(data: bytes) -> FirstBytes:
    if data[:1] == HANDSHAKE:
        hello = read_client_hello(data)
        assert isinstance(hello, ClientHello)
        return FirstBytes(sni=hello.server_name, alpn=hello.alpn)
    head = read_request_head(data)
    return FirstBytes(host=head.host, path=head.path) if isinstance(head, RequestHead) else FirstBytes()


def test_openings_lead_where_the_routes_say_and_some_of_them_everywhere() -> None:
    routes = Routes(RouteSettings.model_validate(text.strip()).route for text in ROUTES.split(";"))
    openings = [opening(seed) for seed in range(SEEDS)]
    assert all(routes.pool_for(known(each.data)) == each.pool for each in openings)
    assert {(each.data[:1], each.pool) for each in openings} == {
        (b"G", None), (b"G", ""), (b"G", "other"), (HANDSHAKE, None), (HANDSHAKE, "other"), (b"\x10", None),
    }  # fmt: skip


def test_the_pieces_of_an_opening_are_all_of_it() -> None:
    for seed in range(SEEDS):
        each = opening(seed)
        assert b"".join(each.pieces(seed)) == each.data
    counts = [len(list(opening(seed).pieces(seed))) for seed in range(SEEDS)]
    assert {1, 2, 3, 4} < set(counts)
    assert max(counts) > 50, "some come in single bytes"
    assert list(NOTHING.pieces(1)) == []


async def test_an_opening_is_read_to_its_last_byte() -> None:
    for seed in range(SEEDS):
        each = opening(seed)
        stream = reader(each.data + NEXT)
        assert await read_opening(stream.readexactly) == each.data
        assert await stream.read() == NEXT


@pytest.mark.parametrize("each", [opening(seed) for seed in range(20)])
async def test_an_opening_that_ends_before_is_none(each: Opening) -> None:
    with pytest.raises(EOFError):
        await read_opening(reader(each.data[:-1]).readexactly)


def reader(data: bytes) -> asyncio.StreamReader:
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    return stream
