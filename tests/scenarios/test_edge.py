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
from tests.support.edge_clients import curl, run
from tests.support.edge_peers import (
    HAPROXY_BEFORE,
    HAPROXY_EXPECTS,
    HAPROXY_IS_TOLD,
    HAPROXY_SENDS,
    NGINX_EXPECTS,
    NGINX_SAYS_ITS_PORT,
    NGINX_SENDS,
    haproxy,
    nginx,
    varnish,
)
from tests.support.named_pools import named_pools, port_of
from tests.support.peers import Peer, connect
from tests.support.ports import free_port
from tests.support.proxy import running_proxy
from tests.support.servers import mariadb_server, nginx_server, redis_server

CLIENT = "127.0.0.5"
SENDERS = [
    ("nginx", ""),
    ("haproxy", "send-proxy"),
    ("haproxy", "send-proxy-v2"),
    ("haproxy", "send-proxy-v2 proxy-v2-options crc32c"),
]
RECEIVERS = ["nginx", "haproxy", "varnish"]
GET = b"GET / HTTP/1.1\r\nHost: edge.example\r\nConnection: close\r\n\r\n"


async def sender(stack: AsyncExitStack, folder: Path, kind: str, option: str, to: int) -> int:
    """The port of a load balancer that sends PROXY headers to a port."""
    if kind == "nginx":
        return (await stack.enter_async_context(nginx(folder, NGINX_SENDS, to=to))).port
    return (await stack.enter_async_context(haproxy(folder, HAPROXY_SENDS, to=to, option=option))).port


async def receiver(stack: AsyncExitStack, folder: Path, kind: str) -> int:
    """The port of a web server that expects PROXY headers, and answers with the client's address and that port."""
    match kind:
        case "nginx":
            server = nginx(folder, NGINX_EXPECTS)
        case "haproxy":
            server = haproxy(folder, HAPROXY_EXPECTS)
        case _:
            server = varnish(folder)
    return (await stack.enter_async_context(server)).port


async def body_of(port: int, source: str = CLIENT, host: str = "127.0.0.1") -> str:
    """The body of the answer to a request from this address."""
    with await connect(port, host, source=source) as client:
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
            running_proxy(
                BACKENDS=f"127.0.0.1:{port}",
                SEND_PROXY_PROTOCOL=version,
                HEALTH__TYPE="http",
                HEALTH__SEND_PROXY_PROTOCOL="v2" if kind == "varnish" else None,  # it does not know UNKNOWN
            )
        )
        await proxy.ready()
        assert await body_of(proxy.port) == f"{CLIENT} {proxy.port}"
        assert await proxy.stop() == 0
    assert "broken header" not in (tmp_path / f"{kind}.log").read_text()


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("kind", RECEIVERS)
async def test_a_server_over_ipv4_is_told_a_client_over_ipv6(tmp_path: Path, kind: str, version: str) -> None:
    async with AsyncExitStack() as stack:
        server, port = await receiver(stack, tmp_path, kind), free_port("::1")
        settings: dict[str, Any] = {
            "BACKENDS": f"127.0.0.1:{server}",
            "LISTEN": f"[::1]:{port}",
            "SEND_PROXY_PROTOCOL": version,
        }
        await stack.enter_async_context(running_proxy(**settings))
        assert await body_of(port, "::1", "::1") == f"::1 {port}"


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


async def test_mariadb_which_speaks_first_knows_its_clients_and_likes_its_checks(tmp_path: Path) -> None:
    networks = ["--proxy-protocol-networks=127.0.0.1", "--skip-name-resolve"]
    async with mariadb_server(tmp_path, "CREATE USER 'tidegate'@'::1' IDENTIFIED BY ''", more=networks) as server:
        port = free_port("::1")
        settings: dict[str, Any] = {
            "BACKENDS": f"127.0.0.1:{server.port}",
            "LISTEN": f"[::1]:{port}",
            "HEALTH__TYPE": "mysql",
        }
        for version in ("v1", "v2"):
            async with running_proxy(**settings, SEND_PROXY_PROTOCOL=version) as proxy:
                where = ("--no-defaults", "--host=::1", f"--port={port}", "--user=tidegate")
                asked = await run("mariadb", *where, "--skip-column-names", "--execute=SELECT USER()")
                assert asked.output == "tidegate@::1\n"
                assert await proxy.stop() == 0


async def test_haproxy_is_told_the_name_that_was_asked_for_and_the_session_of_the_log(tmp_path: Path) -> None:
    async with haproxy(tmp_path, HAPROXY_IS_TOLD) as server:
        routes = "host=other.example pool="
        async with running_proxy(BACKENDS=f"127.0.0.1:{server.port}", SEND_PROXY_PROTOCOL="v2", ROUTES=routes) as proxy:
            told = (await curl(proxy.port)).output
            line = await proxy.event("session_closed")
            assert told == f"edge.example {line['session']}"


@pytest.mark.parametrize(
    ("where", "checks", "is_up"),
    [("port", None, True), ("plain", "off", True), ("port", "off", False)],
    ids=["as clients", "at a port without headers", "without the header that is expected"],
)
async def test_checks_of_redis_behind_haproxy_send_the_header_where_they_are_told(
    tmp_path: Path, where: str, checks: str | None, *, is_up: bool
) -> None:
    async with redis_server(tmp_path) as redis:
        plain = free_port()
        async with haproxy(tmp_path, HAPROXY_BEFORE, to=redis.port, plain=plain) as server:
            settings: dict[str, Any] = {
                "BACKENDS": f"127.0.0.1:{server.port}", "SEND_PROXY_PROTOCOL": "v2", "HEALTH__TYPE": "redis",
                "HEALTH__PORT": plain if where == "plain" else None, "HEALTH__SEND_PROXY_PROTOCOL": checks,
            }  # fmt: skip
            async with running_proxy(wait=is_up, **settings) as proxy:
                if is_up:
                    answered = await run("redis-cli", "-p", str(proxy.port), "PING")
                    assert answered.output == "PONG\n"
                else:
                    await proxy.event("backend_down")


async def test_clients_of_a_load_balancer_keep_their_backends_by_their_own_addresses(tmp_path: Path) -> None:
    servers, balancer = tmp_path / "servers", tmp_path / "balancer"
    servers.mkdir()
    balancer.mkdir()
    second, third = free_port(), free_port()
    async with nginx(servers, NGINX_SAYS_ITS_PORT, second=second, third=third) as server:
        backends = ",".join(f"127.0.0.1:{port}" for port in (server.port, second, third))
        settings: dict[str, Any] = {"BACKENDS": backends, "BALANCE": "source_hash", "PROXY_PROTOCOL__FROM": "127.0.0.1"}
        async with (
            running_proxy(**settings) as proxy,
            haproxy(balancer, HAPROXY_SENDS, to=proxy.port, option="send-proxy-v2") as front,
        ):
            await proxy.ready()
            sources = [f"127.0.0.{number}" for number in range(5, 21)]
            placed = {source: (await curl(front.port, source=source)).output for source in sources}
            again = {source: (await curl(front.port, source=source)).output for source in sources}
            assert again == placed
            assert len(set(placed.values())) > 1


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
