"""Who may come in, with real clients: each refusal is a reset that is counted by its reason, and others do not notice."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network
from itertools import chain, islice
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.edge_clients import curl
from tests.support.edge_peers import HAPROXY_SENDS, HAPROXY_SENDS_IPV6, NGINX_SAYS_ITS_PORT, haproxy, nginx
from tests.support.ports import free_port
from tests.support.proxy import Proxy, running_proxy
from tests.support.websockets import echo_servers

CLIENT, OTHER, STRANGER = "127.0.0.5", "127.0.0.6", "127.0.0.9"
BROKEN_OFF = {7, 55, 56}  # exit codes of curl: the reset met its connect, its request, or its wait for the answer
NO_HTTP = 22  # the exit code of curl for an error of the server, which takes the header for a bad request
MANY = 5000
OLD = "host=old.example pool="


@asynccontextmanager
async def site(folder: Path, **settings: Any) -> AsyncIterator[Proxy]:
    """A proxy with these settings before a web server, which answers with its port."""
    async with nginx(folder, NGINX_SAYS_ITS_PORT, second=free_port(), third=free_port()) as server:
        backends = f"127.0.0.1:{server.port}"
        async with running_proxy(BACKENDS=backends, HEALTH__TYPE="none", **settings) as proxy:
            yield proxy


async def is_served(port: int, source: str) -> bool:
    return (await curl(port, source=source)).code == 0


async def rejected(proxy: Proxy, reason: str) -> float:
    return await proxy.metrics("tidegate_listener_rejected_total", listener="default", reason=reason)


REFUSALS: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("denied", {"DENY": CLIENT}, ()),
    ("denied", {"ALLOW": f"{OTHER}, 10.0.0.0/8"}, ()),
    ("no_route", {"ROUTES": OLD}, ("--header", "Host: OLD.example.:80")),
    ("preface_invalid", {"PROXY_PROTOCOL__FROM": CLIENT}, ()),
    ("preface_invalid", {"ROUTES": OLD}, ("--header", "Cookie: " + "x" * 20_000)),
    ("preface_timeout", {"ROUTES": OLD, "PREFACE_TIMEOUT": "200ms"}, ()),
]


@pytest.mark.parametrize(("reason", "settings", "arguments"), REFUSALS, ids=[reason for reason, *_ in REFUSALS])
async def test_a_client_that_may_not_come_in_is_reset_and_counted_and_meets_no_backend(
    tmp_path: Path, reason: str, settings: dict[str, Any], arguments: tuple[str, ...]
) -> None:
    async with site(tmp_path, **settings) as proxy:
        scheme = "smtp" if reason == "preface_timeout" else "http"  # the former waits for the server to speak
        refused = await curl(proxy.port, "/", *arguments, source=CLIENT, scheme=scheme)
        assert refused.code in BROKEN_OFF
        assert await rejected(proxy, reason) == 1
        assert await proxy.metrics("tidegate_backend_connections_total") == 0
        if reason != "denied":
            line = await proxy.event("session_closed", reason="rejected", rejected=reason)
            assert line["client"].startswith(f"{CLIENT}:")
        assert await is_served(proxy.port, OTHER)
        assert await proxy.stop() == 0


async def test_a_header_from_others_than_proxies_is_data_to_the_server(tmp_path: Path) -> None:
    async with site(tmp_path, PROXY_PROTOCOL__FROM=CLIENT) as proxy:
        from_proxy, from_other = [
            await curl(proxy.port, "/", "--haproxy-protocol", "--fail", source=source) for source in (CLIENT, OTHER)
        ]
        assert (from_proxy.code, from_other.code) == (0, NO_HTTP)
        assert await proxy.metrics("tidegate_backend_connections_total") == 2
        assert await proxy.metrics("tidegate_listener_rejected_total") == 0


async def test_files_of_thousands_of_networks_say_who_comes_in(tmp_path: Path) -> None:
    networks = [*islice(ip_network("10.0.0.0/8").subnets(new_prefix=24), MANY)]
    sixes = [*islice(ip_network("2001:db8::/32").subnets(new_prefix=64), MANY)]
    lines = [str(network) for network in chain.from_iterable(zip(networks, sixes, strict=True))]
    allowed, denied = tmp_path / "allow.txt", tmp_path / "deny.txt"
    allowed.write_text("\n".join(["# ours", *lines[:MANY], "127.0.0.4/30  # the office", *lines[MANY:]]))
    denied.write_text("\n".join([*lines[1::2], OTHER, *lines[::2], ""]))
    async with site(tmp_path, ALLOW=f"@{allowed}", DENY=f"192.0.2.0/24, @{denied}") as proxy:
        served = {source: await is_served(proxy.port, source) for source in (CLIENT, OTHER, STRANGER)}
        assert served == {CLIENT: True, OTHER: False, STRANGER: False}
        assert await rejected(proxy, "denied") == 2


@pytest.mark.parametrize("front", ["", "haproxy"], ids=["direct", "behind a load balancer"])
async def test_a_client_that_connects_too_fast_is_turned_away_and_others_are_not(tmp_path: Path, front: str) -> None:
    settings: dict[str, Any] = {"ACCEPT_RATE_PER_CLIENT": 1, "ACCEPT_BURST_PER_CLIENT": 2, "WORKERS": 2}
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(
            site(tmp_path, **settings, PROXY_PROTOCOL__FROM="127.0.0.1" if front else None)
        )
        port = proxy.port
        if front:
            balancer = haproxy(tmp_path, HAPROXY_SENDS, to=proxy.port, option="send-proxy-v2")
            port = (await stack.enter_async_context(balancer)).port
        before = await proxy.metrics("tidegate_listener_rejected_total")
        tries = await asyncio.gather(*(is_served(port, CLIENT) for _ in range(20)))
        assert await is_served(port, OTHER)
        assert 2 <= sum(tries) < len(tries)
        assert await rejected(proxy, "accept_rate_per_client") == len(tries) - sum(tries)
        assert await proxy.metrics("tidegate_listener_rejected_total") - before == len(tries) - sum(tries)


@asynccontextmanager
async def limited_chat(**settings: Any) -> AsyncIterator[Proxy]:
    """A proxy behind a load balancer, before WebSockets, which lets in two of each client."""
    async with echo_servers([free_port()]) as (server,):
        await server.start()
        limits: dict[str, Any] = {"MAX_CONNECTIONS_PER_CLIENT": 2, "PROXY_PROTOCOL__FROM": "127.0.0.1"}
        async with running_proxy(BACKENDS=server.name, HEALTH__TYPE="none", **limits, **settings) as proxy:
            yield proxy


async def web_socket(stack: AsyncExitStack, port: int, source: str = CLIENT) -> aiohttp.ClientWebSocketResponse:
    connector = aiohttp.TCPConnector(local_addr=(source, 0))
    session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
    return await stack.enter_async_context(session.ws_connect(f"http://127.0.0.1:{port}/"))


async def still_talk(sockets: Iterable[aiohttp.ClientWebSocketResponse]) -> None:
    for each in sockets:
        await each.send_str("still here")
        assert await each.receive_str() == "still here"


async def test_the_clients_of_a_load_balancer_are_limited_one_by_one(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(limited_chat())
        front = await stack.enter_async_context(haproxy(tmp_path, HAPROXY_SENDS, to=proxy.port, option="send-proxy"))
        talking = [await web_socket(stack, front.port, source) for source in (CLIENT, OTHER, CLIENT)]
        with pytest.raises(aiohttp.ClientError):
            await web_socket(stack, front.port, CLIENT)
        talking.append(await web_socket(stack, front.port, OTHER))
        await still_talk(talking)
        assert await rejected(proxy, "max_connections_per_client") in {1, 2}  # aiohttp tries a second time


@pytest.mark.parametrize("prefix", [64, 128])
async def test_the_addresses_of_one_ipv6_network_are_one_client(tmp_path: Path, prefix: int) -> None:
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(limited_chat(CLIENT_IPV6_PREFIX=prefix))
        neighbour, stranger = free_port(), free_port()
        balancer = haproxy(tmp_path, HAPROXY_SENDS_IPV6, to=proxy.port, second=neighbour, third=stranger)
        first = (await stack.enter_async_context(balancer)).port
        talking = [await web_socket(stack, port) for port in (first, first, stranger)]
        if prefix == 64:
            with pytest.raises(aiohttp.ClientError):
                await web_socket(stack, neighbour)
        else:
            talking.append(await web_socket(stack, neighbour))
        await still_talk(talking)
