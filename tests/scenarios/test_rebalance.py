"""A pool grows from two to four backends while WebSocket clients live on the first two."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from tests.support.ports import free_ports
from tests.support.proxy import Proxy, running_proxy
from tests.support.waiting import until
from tests.support.websockets import LiveClient, echo_servers, live_clients

IDLE, BUSY = 60, 20
FAIR = (IDLE + BUSY) / 4
RATE = 40


@asynccontextmanager
async def scale_up(mode: str) -> AsyncIterator[tuple[Proxy, list[LiveClient]]]:
    """A proxy with eighty live clients on two of four backends; the other two have just been started."""
    async with echo_servers(free_ports(4)) as servers:
        for server in servers[:2]:
            await server.start()
        settings: dict[str, Any] = {"HEALTH__RISE": 1, "HEALTH__TYPE": "websocket", "WORKERS": 2, "REBALANCE__MODE": mode}
        async with (
            running_proxy(
                BACKENDS=",".join(server.name for server in servers),
                REBALANCE__RATE=RATE,
                REBALANCE__DELAY="600ms",
                **settings,
            ) as proxy,
            live_clients(proxy.url, idle=IDLE, busy=BUSY) as clients,
        ):
            assert (sum(await active(proxy)), (await active(proxy))[2:]) == (4 * FAIR, [0, 0])
            await until(lambda: _idle_are_told_from_busy(proxy))
            for server in servers[2:]:
                await server.start()
            yield proxy, clients


async def _idle_are_told_from_busy(proxy: Proxy) -> bool:
    """Whether the proxy has seen that some say nothing for a while, and others do."""
    _, body = await proxy.get("/connections?limit=1000")
    idle = sorted(session["idle_seconds"] for session in json.loads(body)["connections"])
    return len(idle) == IDLE + BUSY and idle[BUSY] > idle[BUSY - 1] + 1


async def active(proxy: Proxy) -> list[int]:
    return [backend["connections_active"] for backend in (await proxy.backends()).values()]


async def test_with_rebalance_on_each_backend_ends_near_its_fair_share_and_only_idle_clients_had_to_move() -> None:
    async with scale_up("on") as (proxy, clients):
        started = await proxy.event("rebalance_started", pool="default", mode="on")
        assert (started["excess"], started["backends"]) == (2 * FAIR, 2)
        ended = await proxy.event("rebalance_ended", seconds=20)
        assert ended["closed"] == await proxy.metrics("tidegate_rebalance_closed_total", pool="default")
        assert 2 * FAIR * 0.9 <= ended["closed"] <= 2 * FAIR
        await until(lambda: all(client.connected for client in clients))
        assert {count for count in await active(proxy) if abs(count - FAIR) > FAIR * 0.1} == set()

        assert all(client.codes == [] for client in clients if client.busy), "idle ones go first, and there were enough"
        assert {code for client in clients for code in client.codes} == {1006}, "what a WebSocket client sees of a reset"
        closed = [
            datetime.fromisoformat(line["timestamp"]).timestamp()
            for line in proxy.events("session_closed", reason="rebalance")
        ]
        assert len(closed) == ended["closed"]
        assert max(sum(moment <= other < moment + 0.9 for other in closed) for moment in closed) <= RATE
        assert await proxy.metrics("tidegate_rebalance_dry_run_total") == 0


async def test_a_dry_run_counts_what_it_would_close_and_moves_nobody() -> None:
    async with scale_up("dry_run") as (proxy, clients):
        started = await proxy.event("rebalance_started", mode="dry_run")
        assert started["excess"] == 2 * FAIR
        ended = await proxy.event("rebalance_ended")
        assert ended["closed"] == 0
        assert await proxy.metrics("tidegate_rebalance_dry_run_total", pool="default") == 2 * FAIR
        assert await proxy.metrics("tidegate_rebalance_closed_total") == 0
        assert (sum(await active(proxy)), (await active(proxy))[2:]) == (4 * FAIR, [0, 0])
        assert all(client.codes == [] for client in clients)
