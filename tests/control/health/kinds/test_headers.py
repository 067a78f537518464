"""The headers that a check is told to send, and that nothing shows them."""

import asyncio

import pytest

from tests.support.backends import answering, http_answer, running_backend
from tests.support.probes import probe
from tidegate.core.preface.outcome import Incomplete
from tidegate.core.preface.proxy_facts import ProxyHeader
from tidegate.core.preface.proxy_header import read_proxy_header

HEADERS = 'Authorization: Bearer s3cret, Sec-WebSocket-Protocol: "chat.v2, chat", User-Agent: watcher'


@pytest.mark.parametrize("kind", ["http", "websocket", "socketio"])
async def test_a_check_sends_the_headers_that_it_is_told_to_beside_its_own(kind: str) -> None:
    requests: list[bytes] = []
    async with running_backend(answering(http_answer("401 Unauthorized"), requests=requests)) as backend:
        await probe(backend.port, kind, headers=HEADERS)
    lines = requests[0].decode().lower().split("\r\n")
    assert {"authorization: bearer s3cret", "sec-websocket-protocol: chat.v2, chat", f"host: {backend.name}"} <= set(lines)
    assert [line for line in lines if line.startswith("user-agent:")] == ["user-agent: watcher"]
    assert ("sec-websocket-version: 13" in lines) is (kind != "http")


async def test_a_backend_that_sends_a_header_back_does_not_put_its_value_into_the_reason() -> None:
    async with running_backend(answering(b"bad token s3cret in Bearer s3cret\r\n\r\n")) as backend:
        reason = await probe(backend.port, "http", headers=HEADERS)
    assert reason == "expected an HTTP answer, got 'bad token *** in ***'"


@pytest.mark.parametrize("kind", ["tcp", "http", "redis"])
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_check_begins_with_a_proxy_header_of_its_own_connection_where_it_is_told_to(kind: str, version: str) -> None:
    heard = asyncio.get_running_loop().create_future()

    async def hear(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        data = b""
        while isinstance(header := read_proxy_header(data), Incomplete):
            data += await reader.readexactly(1)
        heard.set_result((data[:5] == b"PROXY", header))

    async with running_backend(hear) as backend:
        await probe(backend.port, kind, send_proxy_protocol=version)
        is_line, header = await heard
    assert is_line is (version == "v1")
    assert isinstance(header, ProxyHeader)
    assert header.endpoints is None


async def test_a_check_of_a_backend_that_expects_a_header_passes_only_with_one() -> None:
    async def expect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.readuntil(b"\r\n")).startswith(b"PROXY "):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(http_answer("200 OK"))

    async with running_backend(expect) as backend:
        assert await probe(backend.port, "http", send_proxy_protocol="v1") == "ok"
        assert await probe(backend.port, "http") == "connection closed without an answer"
