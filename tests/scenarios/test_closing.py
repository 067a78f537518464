"""A backend goes down by its health port while its traffic port works on, with clients connected."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.support.backends import TestBackend, echo, running_backend, silent
from tests.support.clients import Client, ask_all, clients
from tests.support.proxy import Proxy, running_proxy
from tests.support.waiting import until

FIRST, SECOND = "127.0.0.1", "127.0.0.2"
CLIENTS = 60
WINDOW = 2.0


@dataclass
class Stage:
    """Two backends with thirty clients each; the health port of the second can be stopped and started."""

    proxy: Proxy
    health: TestBackend
    on_first: Sequence[Client]
    on_second: Sequence[Client]


@asynccontextmanager
async def stage(**settings: Any) -> AsyncIterator[Stage]:
    async with (
        running_backend(echo, host=FIRST) as first,
        running_backend(echo, host=SECOND) as second,
        running_backend(silent, host=FIRST) as health,
    ):
        second_health = TestBackend(silent, SECOND)
        second_health.port = health.port
        await second_health.start()
        settings = {"HEALTH__PORT": health.port, "HEALTH__RISE": 1, "HEALTH__FALL": 1, "WORKERS": 2, **settings}
        try:
            async with (
                running_proxy(BACKENDS=f"{first.name},{second.name}", **settings) as proxy,
                clients(proxy.port, CLIENTS) as connected,
            ):
                assert await ask_all(connected) == CLIENTS
                listed = await proxy.get("/connections?backend=" + second.name)
                on_second = [client for client in connected if f'"{client.address}"'.encode() in listed[1]]
                on_first = [client for client in connected if client not in on_second]
                assert len(on_second) == len(on_first) == CLIENTS / 2
                yield Stage(proxy, second_health, on_first, on_second)
        finally:
            await second_health.stop()


async def test_on_down_close_ends_the_sessions_of_the_backend_spread_over_the_window() -> None:
    async with stage(ON_DOWN="close", CLOSE_WINDOW=f"{WINDOW}s") as it:
        await it.health.stop()
        await it.proxy.event("closing_started", reason="backend_down", sessions=CLIENTS / 2)
        assert Counter(await asyncio.gather(*(client.end() for client in it.on_second))) == {"reset": CLIENTS / 2}
        await until(lambda: len(it.proxy.events("session_closed", reason="backend_down")) == CLIENTS / 2)
        lines = it.proxy.events("session_closed")
        assert len(lines) == CLIENTS / 2
        when = [datetime.fromisoformat(line["timestamp"]).timestamp() for line in lines]
        assert max(when) - min(when) > WINDOW * 0.7
        assert max(sum(moment <= other < moment + WINDOW / 4 for other in when) for moment in when) < len(when) / 2
        assert await ask_all(it.on_first) == CLIENTS / 2
        assert await it.proxy.metrics("tidegate_connections_closed_total", reason="backend_down") == CLIENTS / 2


async def test_when_the_backend_comes_up_again_meanwhile_the_sessions_that_are_left_stay() -> None:
    async with stage(ON_DOWN="close", CLOSE_WINDOW="0s", CLOSE_RATE=10) as it:
        await it.health.stop()
        await it.proxy.event("session_closed", reason="backend_down")
        await it.health.start()
        await it.proxy.event("backend_up", previous="down")
        await it.proxy.get("/connections")  # workers have heard of it when they answer
        closed = await it.proxy.metrics("tidegate_connections_closed_total", reason="backend_down")
        assert 0 < closed < CLIENTS / 2
        assert await it.proxy.stop() == 0  # sessions live on for most of the grace, which is time to close them all
        reasons = Counter(line["reason"] for line in it.proxy.events("session_closed"))
        assert reasons == {"backend_down": closed, "drain": CLIENTS - closed}


async def test_by_default_the_sessions_of_a_backend_that_goes_down_live_on() -> None:
    async with stage() as it:
        await it.health.stop()
        await it.proxy.event("backend_down")
        assert await ask_all(it.on_second) == CLIENTS / 2
        assert it.proxy.events("session_closed") == []
        assert it.proxy.events("closing_started") == []


async def test_clients_of_a_backup_go_back_to_the_primary_when_it_is_up_again() -> None:
    async with running_backend(echo, host=FIRST) as primary, running_backend(echo, host=SECOND) as backup:
        settings: dict[str, Any] = {"ON_PRIMARY_UP": "close", "CLOSE_WINDOW": "500ms", "HEALTH__RISE": 1, "HEALTH__FALL": 1}
        async with running_proxy(BACKENDS=f"{primary.name}, {backup.name} backup", **settings) as proxy:
            await primary.stop()
            await proxy.event("backend_down", backend=primary.name)
            async with clients(proxy.port, 4) as connected:
                assert await ask_all(connected) == backup.connections == 4
                await primary.start()
                assert [await client.end() for client in connected] == ["reset"] * 4
            await until(lambda: len(proxy.events("session_closed", reason="rebalance", backend=backup.name)) == 4)
            async with clients(proxy.port, 4) as returned:
                assert await ask_all(returned) == primary.connections == 4
