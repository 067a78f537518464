"""PROXY headers that tell backends who the client is."""

import signal
import socket
import sys

import pytest

from tests.dataplane.route import route
from tests.support.first_bytes import header_from, real_hello
from tests.support.peers import Peer, connect, full_backend, listening, serving
from tests.support.waiting import until
from tests.support.worker import Worker
from tidegate.core.address import Address
from tidegate.core.preface.proxy_facts import CLIENT_SSL, ProxySsl, ProxyTlvs
from tidegate.core.preface.proxy_v2 import write_v2
from tidegate.core.preface.routes import Route
from tidegate.core.reasons import ConnectFailure
from tidegate.link.board import BACKENDS, FAILURE_CELL

VERSIONS = ["v1", "v2"]
DATA_SEGMENTS_IN = 152  # where it is in struct tcp_info of linux/tcp.h
CAME_IN = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n"


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_backend_is_told_both_ends_of_the_clients_connection_and_then_gets_the_stream(
    worker: Worker, version: str
) -> None:
    async with route(worker, send_proxy_protocol=version) as way:
        client, backend = await way.session()
        header = await header_from(backend)
        assert header.endpoints == (Address("127.0.0.1", client.port), Address("127.0.0.1", way.port))
        await client.send(b"hello")
        assert await backend.read_exactly(5) == b"hello"
        client.end()
        assert await backend.read() == b""
        await backend.send(b"bye")
        backend.end()
        assert await client.read_all() == b"bye"
        line = await worker.closed()
        assert (line["sent_bytes"], line["received_bytes"]) == (5, 3), "the header is not of the client"
        if version == "v2":
            assert header.tlvs.unique_id == line["session"].encode()


@pytest.mark.parametrize("version", VERSIONS)
async def test_what_the_client_has_sent_already_follows_in_the_same_segment(worker: Worker, version: str) -> None:
    async with route(worker, send_proxy_protocol=version) as way:
        worker.process.send_signal(signal.SIGSTOP)
        with await connect(way.port) as client:
            await client.send(b"hello")
            worker.process.send_signal(signal.SIGCONT)
            with await way.backend.accept() as backend:
                await header_from(backend)
                assert await backend.read_exactly(5) == b"hello"
                assert segments_with_data(backend) == 1
                client.end()
                assert await backend.read() == b""


def segments_with_data(peer: Peer) -> int:
    """How many have come (`tcpi_data_segs_in`)."""
    information = peer.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, DATA_SEGMENTS_IN + 4)
    return int.from_bytes(information[DATA_SEGMENTS_IN:], sys.byteorder)


@pytest.mark.parametrize(("offered", "told"), [(["mqtt"], "mqtt"), (["h2", "http/1.1"], "")], ids=["one", "several"])
async def test_a_backend_is_told_the_name_that_a_tls_client_asks_for_and_its_protocol_if_it_offers_one(
    worker: Worker, offered: list[str], told: str
) -> None:
    async with route(worker, send_proxy_protocol="v2") as way:
        port = await worker.add_listener("routed", 1, routes=[Route("default", sni=("chat.example.com",))])
        with await connect(port) as client:
            await client.send(real_hello("chat.example.com", offered))
            with await way.backend.accept() as backend:
                tlvs = (await header_from(backend)).tlvs
                assert (tlvs.authority, tlvs.alpn) == ("chat.example.com", told)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_backend_that_speaks_first_gets_the_header_at_once(worker: Worker, version: str) -> None:
    async def greet(peer: Peer) -> None:
        await header_from(peer)
        await peer.send(b"220 ready\r\n")

    async with serving(greet) as backend:
        worker.add_pool(send_proxy_protocol=version)
        worker.set_backends([backend.backend()])
        with await connect(await worker.add_listener()) as client:
            assert await client.read_exactly(11) == b"220 ready\r\n"


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_backend_that_cannot_be_told_the_client_is_a_failed_dial_and_another_is_told(
    worker: Worker, version: str
) -> None:
    """The first one speaks and breaks off before the worker runs again, so that only the header meets the reset."""
    async with full_backend() as first:
        with listening() as second:
            worker.add_pool(send_proxy_protocol=version, connect_timeout=60.0)
            worker.set_backends([first.backend(), second.backend(backup=True)])
            with await connect(await worker.add_listener()) as client:
                await until(lambda: worker.active == 1)
                await worker.sessions()  # it dials by then, and the kernel tries again within a second
                worker.process.send_signal(signal.SIGSTOP)
                (await first.accept()).close()
                turned_away = await first.accept()
                await turned_away.send(b"-ERR no room\r\n")
                await until(lambda: turned_away.unacknowledged == 0)
                turned_away.reset()
                worker.process.send_signal(signal.SIGCONT)
                with await second.accept() as backend:
                    header = await header_from(backend)
                    assert header.endpoints is not None
                    assert header.endpoints[0] == Address("127.0.0.1", client.port)
                    await backend.send(b"+OK\r\n")
                    assert await client.read_exactly(5) == b"+OK\r\n"
    assert worker.cell(BACKENDS, 0, FAILURE_CELL[ConnectFailure.RESET]) == 1
    assert (await worker.closed())["attempts"] == 2


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_address_that_came_by_a_header_is_passed_on(worker: Worker, version: str) -> None:
    async with route(worker, send_proxy_protocol=version) as way:
        port = await worker.add_listener("proxied", 1, proxies=["127.0.0.1"])
        with await connect(port) as client:
            await client.send(CAME_IN)
            with await way.backend.accept() as backend:
                header = await header_from(backend)
                assert header.endpoints == (Address("192.0.2.7", 40000), Address("198.51.100.1", 443))


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_client_over_ipv6_keeps_its_address_to_a_backend_over_ipv4(worker: Worker, version: str) -> None:
    async with route(worker, send_proxy_protocol=version) as way:
        port = await worker.add_listener("v6", 1, host="::")
        for host in ("::1", "127.0.0.1"):
            with await connect(port, host) as client, await way.backend.accept() as backend:
                header = await header_from(backend)
                assert header.endpoints == (Address(host, client.port), Address(host, port))


async def test_what_a_proxy_has_said_of_the_client_s_tls_is_passed_on(worker: Worker) -> None:
    said = ProxyTlvs("h2", "chat.example.com", ProxySsl(CLIENT_SSL, 0, "TLSv1.3", "alice"))
    ends = (Address("192.0.2.7", 40000), Address("198.51.100.1", 443))
    async with route(worker, send_proxy_protocol="v2") as way:
        port = await worker.add_listener("proxied", 1, proxies=["127.0.0.1"])
        with await connect(port) as client:
            await client.send(write_v2(ends, said))
            with await way.backend.accept() as backend:
                told = (await header_from(backend)).tlvs
                assert (told.alpn, told.authority, told.ssl) == (said.alpn, said.authority, said.ssl)
