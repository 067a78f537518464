"""Routes with real clients: curl chooses a pool by host and path, `openssl s_client` by server name and protocol."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.edge_clients import curl, openssl_client, run
from tests.support.edge_peers import NGINX_SAYS_ITS_PORT, nginx
from tests.support.first_bytes import real_hello
from tests.support.named_pools import FLAT_DEFAULTS, named_pools, port_of
from tests.support.peers import connect
from tests.support.ports import free_port
from tests.support.proxy import Proxy, running_proxy
from tests.support.servers import openssl_server, redis_server
from tests.support.waiting import until

ROUTES = "host=api.example,*.api.example pool=api; host=chat.example path=/socket.io/ pool=chat; host=old.example pool="
IN_YAML = """
listeners:
  web:
    bind: 127.0.0.1:{port}
    pool: web
    routes:
      - {{host: [api.example, "*.api.example"], pool: api}}
      - {{host: [chat.example], path: /socket.io/, pool: chat}}
      - {{host: [old.example], pool: ""}}
pools:
  web: {{backends: ["127.0.0.1:{web}"]}}
  api: {{backends: ["127.0.0.1:{api}"]}}
  chat: {{backends: ["127.0.0.1:{chat}"]}}
"""
ASKED = [
    ("api.example", "/", "api"),
    ("API.Example.", "/v1", "api"),
    ("eu.api.example", "/", "api"),
    ("a.eu.api.example", "/", "web"),
    ("chat.example", "/socket.io/?EIO=4", "chat"),
    ("chat.example", "/", "web"),
    ("127.0.0.1", "/socket.io/", "web"),
]
CLIENT, BALANCER = "127.0.0.5", "127.0.0.6"
STUCK, WORKING, REQUESTS = 100, 1000, 50_000


@asynccontextmanager
async def site(folder: Path, form: str) -> AsyncIterator[tuple[Proxy, int, dict[str, str]]]:
    """A proxy with three pools, its port, and what the server of each pool answers."""
    api, chat = free_port(), free_port()
    async with nginx(folder, NGINX_SAYS_ITS_PORT, second=api, third=chat) as server:
        ports = {"web": server.port, "api": api, "chat": chat}
        if form == "text":
            settings = named_pools(**{name: {"BACKENDS": f"127.0.0.1:{port}"} for name, port in ports.items()})
            settings["LISTENERS__WEB__ROUTES"], port = ROUTES, port_of(settings, "web")
        else:
            port, file = free_port(), folder / "tidegate.yaml"
            file.write_text(IN_YAML.format(port=port, **ports))
            settings = FLAT_DEFAULTS | {"CONFIG_FILE": file}
        async with running_proxy(**settings) as proxy:
            yield proxy, port, {name: str(port) for name, port in ports.items()}


@pytest.mark.parametrize("form", ["text", "yaml"])
async def test_requests_reach_the_pool_of_their_host_and_path_and_an_old_name_is_refused(tmp_path: Path, form: str) -> None:
    async with site(tmp_path, form) as (proxy, port, answers):
        for host, path, pool in ASKED:
            assert (await curl(port, path, host=host)).output == answers[pool], (host, path)
            seen_host = host.lower().removesuffix(".")
            await proxy.event("session_closed", listener="web", pool=pool, host=seen_host, path=path.partition("?")[0])
        refused = await curl(port, host="old.example")
        assert (refused.code, refused.output) == (56, "")
        assert await proxy.metrics("tidegate_listener_rejected_total", listener="web", reason="no_route") == 1
        assert await proxy.stop() == 0


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_tls_clients_reach_the_pool_of_their_protocol_or_server_name(tmp_path: Path, version: str) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with AsyncExitStack() as stack:
        pools: dict[str, dict[str, Any]] = {}
        for name in ("web", "chat", "broker"):
            certificate = authority.issue_cert(f"{name}.example")
            server = openssl_server(tmp_path, name, certificate, "-alpn", "mqtt,h2", "-rev")
            pools[name] = {"BACKENDS": f"127.0.0.1:{(await stack.enter_async_context(server)).port}"}
        settings = named_pools(**pools)
        routes = "alpn=mqtt pool=broker; sni=chat.example pool=chat; sni=*.old.example pool="
        proxy = await stack.enter_async_context(running_proxy(**settings, LISTENERS__WEB__ROUTES=routes))
        await proxy.ready()
        trust = (version, "-CAfile", str(tmp_path / "ca.pem"), "-verify_return_error")
        for asked, pool in (
            (("-servername", "Chat.Example"), "chat"),
            (("-servername", "chat.example", "-alpn", "h2,mqtt"), "broker"),
            (("-servername", "chat.example", "-alpn", "h2"), "chat"),
            (("-servername", "other.example"), "web"),
            (("-noservername",), "web"),
        ):
            arguments = (*trust, *asked, "-verify_hostname", f"{pool}.example")
            after = len(proxy.log)
            async with openssl_client(port_of(settings, "web"), *arguments) as client:
                assert client.stdin
                assert client.stdout
                client.stdin.write(b"through\n")
                async with asyncio.timeout(10):
                    assert await client.stdout.readline() == b"hguorht\n", asked
            line = await proxy.event("session_closed", pool=pool, after=after)
            assert line.get("alpn") == (asked[-1] if "-alpn" in asked else None)
        async with openssl_client(port_of(settings, "web"), *trust, "-servername", "a.old.example") as client:
            assert await client.wait() != 0
        await proxy.event("session_closed", rejected="no_route", sni="a.old.example")
        assert await proxy.metrics("tidegate_listener_rejected_total", reason="no_route") == 1


async def test_a_hundred_clients_whose_first_bytes_never_end_do_not_hinder_a_thousand_that_work(tmp_path: Path) -> None:
    beginnings = [b"", b"GET / HTTP/1.1\r\nHost: a", real_hello("chat.example")[:100], b"PROXY TCP4 192.0.2.7"]
    settings: dict[str, Any] = {"ROUTES": "host=a pool=; sni=b pool=", "PROXY_PROTOCOL__FROM": BALANCER}
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(redis_server(tmp_path))
        backend = f"127.0.0.1:{redis.port}"
        proxy = await stack.enter_async_context(
            running_proxy(BACKENDS=backend, HEALTH__TYPE="redis", PREFACE_TIMEOUT="60s", WORKERS=2, **settings)
        )
        stuck = []
        for beginning in beginnings * (STUCK // len(beginnings)):
            source = BALANCER if beginning.startswith(b"PROXY") else CLIENT
            stuck.append(stack.enter_context(await connect(proxy.port, source=source)))
            await stuck[-1].send(beginning)
        load = ("-c", str(WORKING), "-n", str(REQUESTS), "-t", "set", "-d", "1000", "-q")
        assert (await run("redis-benchmark", "-p", str(proxy.port), *load)).code == 0
        assert await proxy.metrics("tidegate_backend_connections_total") >= WORKING
        assert await proxy.metrics("tidegate_listener_rejected_total") == 0
        await until(lambda: only_they_are_left(proxy))
        await stuck[0].send(b"PING\r\n")
        assert await stuck[0].read_exactly(7) == b"+PONG\r\n"
        assert await proxy.stop() == 0


async def only_they_are_left(proxy: Proxy) -> bool:
    return await proxy.metrics("tidegate_listener_connections_active") == STUCK
