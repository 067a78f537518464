"""What comes before the dial: PROXY headers, access lists on the addresses in them, and routes by first bytes."""

import asyncio
import signal
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from typing import Any

import pytest

from tests.support.first_bytes import real_hello
from tests.support.peers import Peer, connect, echo, serving
from tests.support.waiting import until
from tests.support.worker import Worker
from tidegate.core.preface.proxy_facts import ProxyTlvs
from tidegate.core.preface.proxy_v2 import write_v2
from tidegate.core.preface.routes import Route
from tidegate.core.reasons import RejectReason
from tidegate.dataplane.accept.preface_rules import MOST_WAITING
from tidegate.dataplane.session.preface import MOST_LOOKS
from tidegate.link.board import BACKENDS, LISTENERS, POOLS, REJECTED_CELL, BackendCell, PoolCell

V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n"
V2 = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11" + struct.pack(
    "!H4s4sHH", 12, bytes([192, 0, 2, 7]), bytes([198, 51, 100, 1]), 40000, 443
)
LOCAL = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
PROXIES = ["127.0.0.1", "::1"]


def rejected(worker: Worker, reason: RejectReason) -> int:
    return worker.cell(LISTENERS, 0, REJECTED_CELL[reason])


@asynccontextmanager
async def listener(worker: Worker, **options: Any) -> AsyncIterator[int]:
    """The port of a listener with these options, whose pool echoes."""
    async with serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        yield await worker.add_listener(**options)


async def exchange(client: Peer, data: bytes) -> bytes:
    """What comes back for it."""
    await client.send(data)
    return await client.read_exactly(len(data))


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
@pytest.mark.parametrize("cut", ["whole", "bytes", "with-data"])
async def test_a_header_tells_the_client_and_what_follows_it_is_relayed(worker: Worker, header: bytes, cut: str) -> None:
    async with listener(worker, proxies=PROXIES) as port:
        with await connect(port) as client:
            if cut == "bytes":
                for byte in header:
                    await client.send(bytes([byte]))
                    await asyncio.sleep(0)
            elif cut == "whole":
                await client.send(header)
            if cut == "with-data":
                await client.send(header + b"hello")
                assert await client.read_exactly(5) == b"hello"
            assert await exchange(client, b"more") == b"more"
            (entry,) = (await worker.sessions()).sessions
            name = f"127.0.0.1:{client.port}"
            assert (entry.client, entry.peer) == ("192.0.2.7:40000", name)
        line = await worker.closed()
        assert (line["client"], line["peer"]) == ("192.0.2.7:40000", name)
        assert line["sent_bytes"] == line["received_bytes"] == (9 if cut == "with-data" else 4)


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ff 80\r\n", LOCAL])
async def test_a_header_without_an_address_leaves_the_address_of_the_connection(worker: Worker, header: bytes) -> None:
    async with listener(worker, proxies=PROXIES) as port:
        with await connect(port) as client:
            await client.send(header)
            assert await exchange(client, b"hello") == b"hello"
            name = f"127.0.0.1:{client.port}"
        line = await worker.closed()
        assert line["client"] == name
        assert "peer" not in line


async def test_from_others_a_header_is_data(worker: Worker) -> None:
    async with listener(worker, proxies=["10.0.0.0/8"]) as port:
        with await connect(port) as client:
            assert await exchange(client, V1) == V1


@pytest.mark.parametrize(
    ("sent", "detail"),
    [
        (b"GET / HTTP/1.1\r\n", "no PROXY header"),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443 \r\n", None),
        (V2[:12] + b"\x31" + V2[13:], None),
    ],
)
async def test_who_breaks_the_rules_is_reset_and_meets_no_backend(worker: Worker, sent: bytes, detail: str | None) -> None:
    async with listener(worker, proxies=PROXIES) as port:
        with await connect(port) as client:
            await client.send(sent)
            assert await client.was_reset()
        line = await worker.closed()
        assert (line["reason"], line["rejected"], line["attempts"]) == ("rejected", "preface_invalid", 0)
        assert line["detail"] == detail or (detail is None and line["detail"])
        assert rejected(worker, RejectReason.PREFACE_INVALID) == 1
        assert worker.cell(BACKENDS, 0, BackendCell.TOTAL) == 0


async def test_of_many_that_break_the_rules_one_in_a_second_is_logged(worker: Worker) -> None:
    async with listener(worker, proxies=PROXIES) as port:

        async def break_rules() -> None:
            with await connect(port) as client:
                await client.send(b"nonsense")
                assert await client.was_reset()

        for _ in range(50):
            await break_rules()
        assert rejected(worker, RejectReason.PREFACE_INVALID) == 50
        while len(lines := worker.events("session_closed")) < 2:
            await break_rules()
        *_, last = lines
        assert last["left_out"] >= 49
        worker.without_line = rejected(worker, RejectReason.PREFACE_INVALID) - len(lines)
        assert worker.without_line >= last["left_out"]


async def test_who_ends_within_a_header_is_refused_and_who_says_nothing_just_goes(worker: Worker) -> None:
    async with listener(worker, proxies=PROXIES) as port:
        with await connect(port) as client:
            await client.send(V1[:20])
            client.end()
            assert await client.was_reset()
        assert (await worker.closed(reason="rejected"))["detail"] == "the stream ends in the PROXY header"
        with await connect(port) as client:
            client.end()
            await worker.closed(reason="client_eof")
        with await connect(port) as client:
            client.reset()
            await worker.closed(reason="client_reset")


async def test_who_takes_too_long_is_reset_and_others_are_served_meanwhile(worker: Worker) -> None:
    async with listener(worker, proxies=PROXIES, preface_timeout=0.3) as port:
        with ExitStack() as stack:
            slow = [stack.enter_context(await connect(port)) for _ in range(100)]
            for number, client in enumerate(slow):
                await client.send(V1[: number % 30])
            quick = stack.enter_context(await connect(port))
            await quick.send(V1)
            assert await exchange(quick, b"hello") == b"hello"
            assert all(await asyncio.gather(*(client.was_reset() for client in slow)))
            await until(lambda: rejected(worker, RejectReason.PREFACE_TIMEOUT) == 100)
            assert await exchange(quick, b"still") == b"still"


async def test_the_address_in_the_header_is_judged_and_counted(worker: Worker) -> None:
    async with listener(worker, proxies=PROXIES, deny=["192.0.2.7", "127.0.0.1"], max_connections_per_client=1) as port:
        with await connect(port) as client:
            await client.send(V1)
            assert await client.was_reset()
        assert (await worker.closed())["rejected"] == "denied"
        other = V1.replace(b"192.0.2.7", b"192.0.2.8")
        with ExitStack() as stack:
            first, second = [stack.enter_context(await connect(port)) for _ in range(2)]
            await first.send(other)
            assert await exchange(first, b"one") == b"one"
            await second.send(other)
            assert await second.was_reset()
        assert (await worker.closed(rejected="max_connections_per_client"))["client"] == "192.0.2.8:40000"


async def routed(worker: Worker, stack: Any, routes: list[Route], **options: Any) -> int:
    """The port of a listener with these routes; the pool of each name greets with its name, the own pool with `default`."""
    names = ["default", *dict.fromkeys(route.pool for route in routes if route.pool)]
    for slot, name in enumerate(names):

        async def greet(peer: Peer, name: str = name) -> None:
            await peer.send(name.encode())
            await echo(peer)

        backend = await stack.enter_async_context(serving(greet))
        worker.add_pool(name, slot)
        worker.set_backends([backend.backend()], name, first_slot=slot)
    return await worker.add_listener(routes=routes, **options)


SNI = Route("chat", sni=("chat.example.com", "*.chat.example.com"))
MQTT = Route("mqtt", alpn=("mqtt",))
HOST = Route("sio", hosts=("chat.example.com",), path_prefix="/socket.io/")
NOBODY = Route("", hosts=("old.example.com",))


def head(host: str, path: str = "/socket.io/?EIO=4") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


LEAD_TO = [
    (real_hello("Chat.example.com"), "chat"),
    (real_hello("a.chat.example.com"), "chat"),
    (real_hello("b.a.chat.example.com"), "default"),
    (real_hello(None, ["mqtt", "h2"]), "mqtt"),
    (real_hello("other.example.com", ["h2"]), "default"),
    (head("chat.example.com:8000"), "sio"),
    (head("CHAT.example.com."), "sio"),
    (head("chat.example.com", "/api"), "default"),
    (b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00", "default"),
]


@pytest.mark.parametrize("cut", [0, 1, 40])
@pytest.mark.parametrize("header", [b"", V1], ids=["plain", "proxied"])
async def test_first_bytes_lead_to_a_pool_and_stay_in_the_stream(worker: Worker, cut: int, header: bytes) -> None:
    async with AsyncExitStack() as stack:
        port = await routed(worker, stack, [SNI, MQTT, HOST, NOBODY], proxies=PROXIES if header else [])
        for first, pool in LEAD_TO:
            with await connect(port) as client:
                data = header + first
                await client.send(data[:cut])
                await asyncio.sleep(0)
                await client.send(data[cut:])
                assert await client.read_exactly(len(pool)) == pool.encode()
                assert await client.read_exactly(len(first)) == first
                slot = ["default", "chat", "mqtt", "sio"].index(pool)
                assert [worker.cell(POOLS, n, PoolCell.ACTIVE) for n in range(4)] == [n == slot for n in range(4)]
            await until(lambda: worker.active == 0)
        await until(lambda: len(worker.events("session_closed")) == len(LEAD_TO))
        lines = worker.events("session_closed")
        assert [(line["pool"], line["sent_bytes"]) for line in lines] == [(pool, len(first)) for first, pool in LEAD_TO]


async def test_what_routes_have_looked_at_is_logged(worker: Worker) -> None:
    async with AsyncExitStack() as stack:
        port = await routed(worker, stack, [SNI, MQTT, HOST])
        for first in (real_hello("a.chat.example.com", ["h2", "http/1.1"]), head("Chat.example.com:80")):
            with await connect(port) as client:
                await client.send(first)
                await client.read_exactly(1)
        await until(lambda: len(worker.events("session_closed")) == 2)
        tls, http = worker.events("session_closed")
        assert (tls["sni"], tls["alpn"]) == ("a.chat.example.com", "h2,http/1.1")
        assert (http["host"], http["path"]) == ("chat.example.com", "/socket.io/")


async def test_a_route_to_no_pool_refuses(worker: Worker) -> None:
    async with AsyncExitStack() as stack:
        port = await routed(worker, stack, [NOBODY, HOST])
        with await connect(port) as client:
            await client.send(head("old.example.com"))
            assert await client.was_reset()
        assert (await worker.closed())["rejected"] == "no_route"
        assert rejected(worker, RejectReason.NO_ROUTE) == 1


@pytest.mark.parametrize(
    "first", [b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000]
)
async def test_a_head_that_nobody_may_route_by_is_refused(worker: Worker, first: bytes) -> None:
    async with AsyncExitStack() as stack:
        port = await routed(worker, stack, [HOST])
        with await connect(port) as client:
            await client.send(first)
            assert await client.was_reset()
        assert (await worker.closed())["rejected"] == "preface_invalid"


async def test_a_listener_waits_for_a_bounded_number_of_clients_and_the_first_go_first(worker: Worker) -> None:
    async with listener(worker, proxies=PROXIES, preface_timeout=60.0) as port:
        with ExitStack() as stack:
            first = stack.enter_context(await connect(port))
            await until(lambda: worker.active == 1)
            others = [stack.enter_context(await connect(port)) for _ in range(MOST_WAITING)]
            assert await first.was_reset()
            assert (await worker.closed())["rejected"] == "preface_timeout"
            await others[-1].send(V1)
            assert await exchange(others[-1], b"hello") == b"hello"


async def test_a_client_that_is_known_is_limited_before_it_is_waited_for(worker: Worker) -> None:
    async with AsyncExitStack() as stack:
        port = await routed(worker, stack, [HOST], max_connections_per_client=2)
        waiting = [stack.enter_context(await connect(port)) for _ in range(2)]
        await until(lambda: worker.active == 2)
        with await connect(port) as third:
            assert await third.was_reset()
        assert (await worker.closed(reason="rejected"))["rejected"] == "max_connections_per_client"
        await waiting[0].send(head("other.example.com"))
        assert await waiting[0].read_exactly(7) == b"default"


async def test_who_has_sent_all_at_once_takes_nobody_s_room(worker: Worker) -> None:
    async with listener(worker, proxies=PROXIES, preface_timeout=60.0) as port:
        with ExitStack() as stack:
            others = [stack.enter_context(await connect(port)) for _ in range(MOST_WAITING)]
            await until(lambda: worker.active == MOST_WAITING)
            worker.process.send_signal(signal.SIGSTOP)
            with await connect(port) as quick:
                await quick.send(V1 + b"hello")
                worker.process.send_signal(signal.SIGCONT)
                assert await quick.read_exactly(5) == b"hello"
            await others[0].send(V1)
            assert await exchange(others[0], b"first") == b"first"


async def test_a_head_of_many_single_bytes_is_read_to_its_end(worker: Worker) -> None:
    async with AsyncExitStack() as stack:
        port = await routed(worker, stack, [HOST], preface_timeout=60.0)
        with await connect(port) as client:
            first = b"GET /socket.io/ HTTP/1.1\r\nX: " + b"x" * 3 * MOST_LOOKS + b"\r\nHost: chat.example.com\r\n\r\n"
            for byte in first:
                await client.send(bytes([byte]))
                await worker.sessions()  # it has been looked at by then
            assert await client.read_exactly(3) == b"sio"
            assert await client.read_exactly(len(first)) == first


async def test_what_a_proxy_says_of_itself_is_not_believed_of_a_client(worker: Worker) -> None:
    local = write_v2(None, ProxyTlvs(authority="evil.example"))
    async with listener(worker, proxies=PROXIES) as port:
        with await connect(port) as client:
            await client.send(local)
            assert await exchange(client, b"hello") == b"hello"
        assert "sni" not in await worker.closed()
