"""The edge with real peers: who the client is, whether it may come in, and where it wants to go."""

import asyncio
import ssl
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
import trustme

from tests.support.backends import echo, running_backend
from tests.support.edge_peers import HAPROXY_EXPECTS, HAPROXY_SENDS, NGINX_EXPECTS, NGINX_SENDS, haproxy, nginx
from tests.support.named_pools import named_pools, port_of
from tests.support.peers import Peer, connect
from tests.support.proxy import running_proxy
from tests.support.servers import nginx_server

CLIENT = "127.0.0.5"
SENDERS = [
    ("nginx", ""),
    ("haproxy", "send-proxy"),
    ("haproxy", "send-proxy-v2"),
    ("haproxy", "send-proxy-v2 proxy-v2-options crc32c"),
]
RECEIVERS = ["nginx", "haproxy"]
GET = b"GET / HTTP/1.1\r\nHost: edge.example\r\nConnection: close\r\n\r\n"


async def sender(stack: AsyncExitStack, folder: Path, kind: str, option: str, to: int) -> int:
    """The port of a load balancer that sends PROXY headers to a port."""
    if kind == "nginx":
        return (await stack.enter_async_context(nginx(folder, NGINX_SENDS, to=to))).port
    return (await stack.enter_async_context(haproxy(folder, HAPROXY_SENDS, to=to, option=option))).port


async def receiver(stack: AsyncExitStack, folder: Path, kind: str) -> int:
    """The port of a web server that expects PROXY headers, and answers with the client's address and that port."""
    serve, blocks = (nginx, NGINX_EXPECTS) if kind == "nginx" else (haproxy, HAPROXY_EXPECTS)
    return (await stack.enter_async_context(serve(folder, blocks))).port


async def body_of(port: int, source: str = CLIENT) -> str:
    """The body of the answer to a request from this address."""
    with await connect(port, source=source) as client:
        await client.send(GET)
        return (await client.read_all()).rpartition(b"\r\n\r\n")[2].decode()


@pytest.mark.parametrize(("kind", "option"), SENDERS)
async def test_the_client_of_a_load_balancer_counts_and_not_the_load_balancer(
    tmp_path: Path, kind: str, option: str
) -> None:
    async with AsyncExitStack() as stack:
        backend = await stack.enter_async_context(running_backend(echo))
        proxy = await stack.enter_async_context(
            running_proxy(BACKENDS=backend.name, PROXY_PROTOCOL__FROM="127.0.0.1", DENY="127.0.0.6")
        )
        port = await sender(stack, tmp_path, kind, option, proxy.port)
        with await connect(port, source=CLIENT) as client:
            await client.send(b"hello")
            assert await client.read_exactly(5) == b"hello"
            (live,) = orjson.loads((await proxy.get("/connections"))[1])["connections"]
            name = f"{CLIENT}:{client.port}"
            assert live["client"] == name
            assert live["peer"].startswith("127.0.0.1:")
            client.end()
            assert await client.read() == b""
        assert (await proxy.event("session_closed", client=name))["peer"] == live["peer"]
        with await connect(port, source="127.0.0.6") as denied:
            await denied.send(b"hello")
            assert await ended(denied)
        await proxy.event("session_closed", rejected="denied")
        assert await proxy.stop() == 0


async def ended(client: Peer) -> bool:
    """Whether nothing comes any more, as an end or a reset: load balancers differ in how they pass a reset on."""
    try:
        return await client.read_all() == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("kind", RECEIVERS)
async def test_servers_are_told_the_client_and_checks_pass_without_complaints(
    tmp_path: Path, kind: str, version: str
) -> None:
    async with AsyncExitStack() as stack:
        port = await receiver(stack, tmp_path, kind)
        proxy = await stack.enter_async_context(
            running_proxy(BACKENDS=f"127.0.0.1:{port}", SEND_PROXY_PROTOCOL=version, HEALTH__TYPE="http")
        )
        await proxy.ready()
        assert await body_of(proxy.port) == f"{CLIENT} {proxy.port}"
        assert await proxy.stop() == 0
    assert "broken header" not in (tmp_path / f"{kind}.log").read_text()


@pytest.mark.parametrize("kind", RECEIVERS)
async def test_the_client_is_known_at_the_end_of_a_chain(tmp_path: Path, kind: str) -> None:
    folders = [tmp_path / name for name in ("in", "out")]
    for folder in folders:
        folder.mkdir()
    async with AsyncExitStack() as stack:
        last = await receiver(stack, folders[1], kind)
        proxy = await stack.enter_async_context(
            running_proxy(
                BACKENDS=f"127.0.0.1:{last}", PROXY_PROTOCOL__FROM="127.0.0.1", SEND_PROXY_PROTOCOL="v2", HEALTH__TYPE="http"
            )
        )
        await proxy.ready()
        first = await sender(stack, folders[0], "haproxy", "send-proxy-v2", proxy.port)
        assert await body_of(first) == f"{CLIENT} {first}"
        assert await proxy.stop() == 0


async def test_tls_clients_reach_the_server_whose_name_they_ask_for_and_verify_it(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with AsyncExitStack() as stack:
        pools: dict[str, dict[str, Any]] = {}
        for name in ("chat", "api"):
            folder = tmp_path / name
            folder.mkdir()
            certificate = authority.issue_cert(f"{name}.example.com", f"eu.{name}.example.com")
            server = await stack.enter_async_context(
                nginx_server(folder, certificate, f'location / {{ return 200 "{name}"; }}')
            )
            pools[name] = {"BACKENDS": f"127.0.0.1:{server.port}"}
        settings = named_pools(**pools)
        port = port_of(settings, "chat")
        routes = "sni=api.example.com,*.api.example.com pool=api"
        proxy = await stack.enter_async_context(running_proxy(**settings, LISTENERS__CHAT__ROUTES=routes))
        await proxy.ready()
        for host, answer in (("api.example.com", b"api"), ("eu.api.example.com", b"api"), ("chat.example.com", b"chat")):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
            writer.write(GET)
            assert (await reader.read()).endswith(b"\r\n\r\n" + answer)
            writer.close()
        assert await proxy.stop() == 0
