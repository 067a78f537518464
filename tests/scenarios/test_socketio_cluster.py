"""One port in front of four Socket.IO processes, one of which dies and comes back."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic
from typing import Any

import aiohttp
import orjson

from tests.support.backends import answering, http_answer, running_backend, silent
from tests.support.named_pools import named_pools
from tests.support.node_peers import NodeProcess, SocketIoServer, socketio_clients, socketio_server
from tests.support.ports import free_port
from tests.support.proxy import Proxy, running_proxy

INTERVAL, RISE, FALL = 0.3, 2, 3
MARGIN = 1.0
CHECKS: dict[str, Any] = {
    "HEALTH__INTERVAL": f"{INTERVAL}s",
    "HEALTH__TIMEOUT": "300ms",
    "HEALTH__RISE": RISE,
    "HEALTH__FALL": FALL,
}
SOURCES = 60


@asynccontextmanager
async def running_cluster(size: int = 4) -> AsyncIterator[list[SocketIoServer]]:
    """So many server processes with the names one, two, three, four."""
    async with AsyncExitStack() as stack:
        names = ("one", "two", "three", "four")[:size]
        starting = (stack.enter_async_context(socketio_server(name)) for name in names)
        yield list(await asyncio.gather(*starting))


def addresses(cluster: Sequence[SocketIoServer]) -> str:
    return ",".join(server.address for server in cluster)


async def test_websocket_clients_outlive_a_process_that_dies_and_use_it_again_when_it_is_back() -> None:
    async with (
        running_cluster() as cluster,
        running_proxy(BACKENDS=addresses(cluster), HEALTH__TYPE="socketio", **CHECKS) as proxy,
        socketio_clients(proxy.url, count=40) as clients,
    ):
        victim = cluster[1]
        await clients_are_spread_evenly(proxy, clients)
        await a_killed_process_is_down_for_everyone(proxy, victim)
        await its_clients_have_moved(clients, victim)
        await no_new_connection_goes_to_it(proxy, clients, victim)
        async with socketio_server(victim.name, port=victim.port):
            await it_comes_back_after_rise_probes(proxy, victim)
            await new_connections_reach_it(proxy, victim)
        await the_proxy_drains_and_every_session_is_logged(proxy)


async def clients_are_spread_evenly(proxy: Proxy, clients: NodeProcess) -> None:
    connected = await clients.hear("connected", count=40)
    assert Counter(line["backend"] for line in connected) == {"one": 10, "two": 10, "three": 10, "four": 10}
    assert {line["transport"] for line in connected} == {"websocket"}
    assert [backend["connections_active"] for backend in (await proxy.backends()).values()] == [10] * 4
    echoed = await clients.echo({"text": "hello"})
    assert (echoed["ok"], echoed["failed"]) == (40, 0)


async def a_killed_process_is_down_for_everyone(proxy: Proxy, victim: SocketIoServer) -> None:
    killed_at = monotonic()
    await victim.kill()
    line = await proxy.event("backend_down", backend=victim.address)
    assert monotonic() - killed_at < FALL * INTERVAL + MARGIN
    assert (line["pool"], line["reason"]) == ("default", "connection refused")
    assert line["previous"] in {"up", "ejected"}, "clients that come back may have found out before the probes did"

    backends = await proxy.backends()
    assert {name: backend["state"] for name, backend in backends.items() if backend["state"] != "up"} == {
        victim.address: "down"
    }
    assert backends[victim.address]["health"]["failures"] >= FALL
    assert await proxy.metrics("tidegate_backend_up", backend=victim.address) == 0
    assert await proxy.metrics("tidegate_backend_state", backend=victim.address, state="down") == 1
    assert await proxy.metrics("tidegate_pool_backends", pool="default", state="up") == 3
    _, csv = await proxy.get("/status?format=csv&state=down")
    assert [row.split(",")[1] for row in csv.decode().splitlines()[1:]] == [victim.address]
    status, _ = await proxy.get("/readyz")
    assert status == 200


async def its_clients_have_moved(clients: NodeProcess, victim: SocketIoServer) -> None:
    moved = await clients.hear("connected", count=50)
    assert victim.name not in {line["backend"] for line in moved[40:]}
    assert len(clients.all("disconnected")) == 10
    echoed = await clients.echo("still here")
    assert (echoed["ok"], set(echoed["backends"])) == (40, {"one", "three", "four"})


async def no_new_connection_goes_to_it(proxy: Proxy, clients: NodeProcess, victim: SocketIoServer) -> None:
    before = (await proxy.backends())[victim.address]
    assert before["connections_active"] == 0
    async with socketio_clients(proxy.url, count=12) as more:
        placed = Counter(line["backend"] for line in await more.hear("connected", count=12))
    assert victim.name not in placed
    assert sum(placed.values()) == 12
    after = (await proxy.backends())[victim.address]
    for total in ("connections_total", "connect_failures_total"):
        assert after[total] == before[total]
    assert len(clients.all("disconnected")) == 10


async def it_comes_back_after_rise_probes(proxy: Proxy, victim: SocketIoServer) -> None:
    up = await proxy.event("backend_up", backend=victim.address, previous="down")
    backend = (await proxy.backends())[victim.address]
    assert (up["reason"], backend["state"], backend["health"]["last_result"]) == ("ok", "up", "ok")
    assert backend["health"]["successes"] >= RISE
    assert await proxy.metrics("tidegate_backend_up", backend=victim.address) == 1


async def new_connections_reach_it(proxy: Proxy, victim: SocketIoServer) -> None:
    async with socketio_clients(proxy.url, count=10) as newcomers:
        placed = {line["backend"] for line in await newcomers.hear("connected", count=10)}
        assert placed == {victim.name}, "it has the fewest connections"


async def the_proxy_drains_and_every_session_is_logged(proxy: Proxy) -> None:
    accepted = await proxy.metrics("tidegate_listener_connections_total")
    assert await proxy.stop() == 0
    await proxy.event("stopped")
    # Clients that were reset come back until the listener is closed, so there may be more than were counted before.
    assert len(proxy.events("session_closed")) >= accepted
    assert len({line["session"] for line in proxy.events("session_closed")}) == len(proxy.events("session_closed"))


async def test_long_polling_that_upgrades_stays_on_one_process_with_source_hash() -> None:
    async with (
        running_cluster() as cluster,
        running_proxy(BACKENDS=addresses(cluster), BALANCE="source_hash", HEALTH__TYPE="socketio", **CHECKS) as proxy,
    ):
        async with socketio_clients(proxy.url, count=30, transport="both") as clients:
            await clients.hear("connected", count=30)
            await clients.hear("upgraded", count=30)
            echoed = await clients.echo([1, 2, 3])
            assert (echoed["ok"], echoed["failed"]) == (30, 0)
            assert clients.all("error") == []
            assert clients.all("disconnected") == []
        answers = await asyncio.gather(*(poll_from(f"127.0.0.{number + 2}", proxy) for number in range(SOURCES)))
        placed = Counter(answers)
        assert set(placed) == {"one", "two", "three", "four"}, "many sources use all processes"
        assert await proxy.stop() == 0


async def poll_from(source: str, proxy: Proxy) -> str:
    """A long-polling client at this address, with a new TCP connection per request; answers the backend's name."""
    connector = aiohttp.TCPConnector(local_addr=(source, 0), force_close=True)
    async with aiohttp.ClientSession(connector=connector) as http:
        url = f"{proxy.url}/socket.io/?EIO=4&transport=polling"
        async with http.get(url) as response:
            handshake = orjson.loads((await response.text()).removeprefix("0"))
        url += f"&sid={handshake['sid']}"
        async with http.post(url, data="40") as response:
            assert (response.status, await response.text()) == (200, "ok")
        heard = ""
        while '["hello"' not in heard:
            async with http.get(url) as response:
                text = await response.text()
                assert response.status == 200, text
                heard += text
    found = re.search(r'"name":"(\w+)"', heard)
    assert found is not None
    return found[1]


async def test_round_robin_breaks_long_polling_with_new_connections_so_the_check_above_can_fail() -> None:
    """Guards the test before this one: without stickiness the same requests meet `Session ID unknown`."""
    async with (
        running_cluster(2) as cluster,
        running_proxy(BACKENDS=addresses(cluster), BALANCE="round_robin", HEALTH__TYPE="none") as proxy,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http,
    ):
        url = f"{proxy.url}/socket.io/?EIO=4&transport=polling"
        async with http.get(url) as response:
            handshake = orjson.loads((await response.text()).removeprefix("0"))
        async with http.get(f"{url}&sid={handshake['sid']}") as response:
            assert response.status == 400
            assert "Session ID unknown" in await response.text()


async def test_each_kind_of_probe_passes_the_real_server_and_says_why_others_fail() -> None:
    async with (
        socketio_server("real") as real,
        running_backend(answering(http_answer("200 OK", body="plain"))) as plain,
        running_backend(silent) as mute,
    ):
        kinds = {"tcp": "/", "http": "/healthz", "websocket": "/socket.io/?EIO=4&transport=websocket", "socketio": None}
        backends = f"{real.address},{plain.name},{mute.name},127.0.0.1:{free_port()}"
        checks = {"BACKENDS": backends, "HEALTH__INTERVAL": "1s", "HEALTH__TIMEOUT": "500ms"}
        pools = {kind: {**checks, "HEALTH__TYPE": kind, "HEALTH__PATH": path} for kind, path in kinds.items()}
        async with running_proxy(**named_pools(**pools)) as proxy:
            results = {
                kind: [
                    backend["health"]["last_result"].partition(" after sending")[0]
                    for backend in (await proxy.backends(kind)).values()
                ]
                for kind in kinds
            }
            states = {kind: [backend["state"] for backend in (await proxy.backends(kind)).values()] for kind in kinds}
    silence = "no answer in 500ms"
    assert results == {
        "tcp": ["ok", "ok", "ok", "connection refused"],
        "http": ["ok", "ok", silence, "connection refused"],
        "websocket": ["ok", "expected status 101, got 200", silence, "connection refused"],
        "socketio": ["ok", "expected status 101, got 200", silence, "connection refused"],
    }
    assert states == {kind: ["up" if result == "ok" else "down" for result in results[kind]] for kind in kinds}
