"""Two thousand clients at the same time, each with something of its own to say."""

import asyncio

import orjson

from tests.support.backends import echo, running_backend
from tests.support.clients import ask_all, clients
from tests.support.proxy import Proxy, running_proxy
from tests.support.waiting import until

SESSIONS = 2000
LISTED = 1500


async def test_two_thousand_sessions_are_served_counted_listed_and_gone() -> None:
    async with (
        running_backend(echo) as one,
        running_backend(echo) as two,
        running_proxy(BACKENDS=f"{one.name},{two.name}", WORKERS=2) as proxy,
    ):
        async with clients(proxy.port, SESSIONS) as connected:
            assert await ask_all(connected) == SESSIONS
            assert await ask_all(list(reversed(connected))) == SESSIONS
            await all_numbers_agree(proxy, SESSIONS)
            await both_workers_and_both_backends_have_their_share(proxy)
            await the_list_of_connections_is_right(proxy, {client.address for client in connected})
            asked = asyncio.gather(*(proxy.get("/metrics") for _ in range(5)))
            assert await ask_all(connected) == SESSIONS, "scrapes do not disturb anybody"
            assert {status for status, _ in await asked} == {200}
        await all_numbers_agree(proxy, 0)
        assert await proxy.metrics("tidegate_connections_closed_total", reason="client_eof") == SESSIONS
        assert await proxy.metrics("tidegate_connection_duration_seconds_count") == SESSIONS
        assert await proxy.metrics("tidegate_connect_duration_seconds_count") == SESSIONS
        status = await proxy.status()
        backends = status["pools"][0]["backends"]
        assert sum(backend["connections_total"] for backend in backends) == SESSIONS
        sent = sum(backend["sent_bytes_total"] for backend in backends)
        assert sent == sum(backend["received_bytes_total"] for backend in backends)
        assert await proxy.stop() == 0
        await proxy.event("stopped")
        lines = proxy.events("session_closed")
        assert len(lines) == SESSIONS
        assert sum(line["sent_bytes"] for line in lines) == sent


async def all_numbers_agree(proxy: Proxy, sessions: int) -> None:
    """Every gauge of live sessions, in all places that people and Prometheus look at."""

    async def agree() -> bool:
        status = await proxy.status()
        counts = [
            sum(worker["connections_active"] for worker in status["workers"]),
            sum(listener["connections_active"] for listener in status["listeners"]),
            sum(backend["connections_active"] for backend in status["pools"][0]["backends"]),
            await proxy.metrics("tidegate_listener_connections_active"),
            await proxy.metrics("tidegate_backend_connections_active"),
        ]
        return set(counts) == {sessions}

    await until(agree)
    assert await proxy.metrics("tidegate_listener_connections_total") == SESSIONS
    _, body = await proxy.get("/connections?limit=1")
    assert orjson.loads(body)["total"] == sessions


async def both_workers_and_both_backends_have_their_share(proxy: Proxy) -> None:
    status = await proxy.status()
    shares = [worker["connections_active"] for worker in status["workers"]]
    assert min(shares) > SESSIONS * 0.4, "the kernel spreads clients over the workers' sockets"
    placed = [backend["connections_active"] for backend in status["pools"][0]["backends"]]
    assert max(placed) - min(placed) <= SESSIONS * 0.02, "workers see each other's counts"


async def the_list_of_connections_is_right(proxy: Proxy, addresses: set[str]) -> None:
    code, body = await proxy.get(f"/connections?limit={LISTED}")
    listed = orjson.loads(body)
    assert (code, listed["total"], len(listed["connections"])) == (200, SESSIONS, LISTED)
    code, body = await proxy.get("/connections?limit=10000")
    everything = orjson.loads(body)["connections"]
    assert {connection["client"] for connection in everything} == addresses
    assert len({connection["id"] for connection in everything}) == SESSIONS
    assert {connection["sent_bytes"] == connection["received_bytes"] > 0 for connection in everything} == {True}
    code, _ = await proxy.get("/connections?limit=10001")
    assert code == 400
