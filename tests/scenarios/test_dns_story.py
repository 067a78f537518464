"""Backends of DNS records: a headless Service scales up, its DNS server goes silent, a container comes back elsewhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.backends import TestBackend, echo
from tests.support.clients import ask_all, clients, connect
from tests.support.dns_server import Fault, running_dns_server
from tests.support.proxy import Proxy, running_proxy
from tests.support.waiting import until

NAME = "chat.default.svc.cluster.local."


@asynccontextmanager
async def pods(count: int) -> AsyncIterator[list[TestBackend]]:
    """Backends on one port of so many loopback addresses, like the pods of a Service."""
    started = [TestBackend(echo, f"127.0.0.{number}") for number in range(11, 11 + count)]
    try:
        for pod in started:
            pod.port = started[0].port
            await pod.start()
        yield started
    finally:
        for pod in started:
            await pod.stop()


async def up(proxy: Proxy) -> list[str]:
    return [name for name, backend in (await proxy.backends()).items() if backend["state"] == "up"]


async def test_a_headless_service_scales_and_its_dns_server_goes_silent_and_answers_again() -> None:
    async with pods(4) as backends, running_dns_server() as server:
        server.ttl = 1
        server.set(NAME, "A", *(pod.host for pod in backends[:2]))
        settings: dict[str, Any] = {
            "BALANCE": "round_robin",
            "DNS__NAME": NAME,
            "DNS__PORT": backends[0].port,
            "DNS__RESOLVER": server.resolver,
            "DNS__TIMEOUT": "500ms",
        }
        async with running_proxy(**settings) as proxy, clients(proxy.port, 4) as early:
            assert (await proxy.event("discovery_synced", source="dns"))["backends"] == 2
            assert await ask_all(early) == 4
            assert [pod.connections > 0 for pod in backends] == [True, True, False, False]

            server.set(NAME, "A", *(pod.host for pod in backends))
            await until(lambda: up_is(proxy, backends))
            async with clients(proxy.port, 8) as later:
                assert await ask_all(later) == 8
                assert all(pod.connections > 0 for pod in backends)

                server.fault = Fault.SILENCE
                await proxy.event("discovery_failed", source="dns", name=NAME, reason="no answer in 0.5s")
                assert await proxy.metrics("tidegate_discovery_synced", pool="default", source="dns") == 0
                assert await up(proxy) == [pod.name for pod in backends], "the last known backends stay"
                async with clients(proxy.port, 8) as meanwhile:
                    assert await ask_all(meanwhile) == 8

                server.set(NAME, "A", *(pod.host for pod in backends[2:]))
                server.fault = None
                await until(lambda: up_is(proxy, backends[2:]))
                assert await proxy.metrics("tidegate_discovery_synced", pool="default", source="dns") == 1
                assert await ask_all([*early, *later]) == 12, "sessions on backends that have left go on"
                assert await proxy.metrics("tidegate_discovery_events_total", type="failed") > 0
            assert not proxy.events("session_closed", reason="connect_failed")
            assert await proxy.stop() == 0


@pytest.mark.parametrize("health", ["tcp", "none"])
async def test_of_the_addresses_of_a_name_the_one_that_works_is_used_and_shown(health: str) -> None:
    async with pods(2) as (dead, alive), running_dns_server() as server:
        await dead.stop()
        server.set(NAME, "SRV", f"0 0 {dead.port} app.test.")
        server.set("app.test.", "A", dead.host, alive.host)
        settings: dict[str, Any] = {"DNS__NAME": NAME, "DNS__TYPE": "srv", "DNS__RESOLVER": server.resolver}
        async with running_proxy(HEALTH__TYPE=health, **settings) as proxy:
            if health == "none":
                assert not await is_served(proxy.port), "it is this failed dial that tells"
            await proxy.event("backend_altered", backend=f"app.test:{dead.port}", address=alive.host)
            await until(lambda: is_served(proxy.port))  # workers are told after the log
            assert (await proxy.backends())[f"app.test:{dead.port}"]["address"] == alive.host
            assert not proxy.events("backend_down")
            assert len(proxy.events("backend_altered")) == 1


async def is_served(port: int) -> bool:
    """Whether a new client gets an answer; it is turned away otherwise."""
    try:
        client = await connect(port)
        answer = await client.ask(b"hello")
        await client.close()
    except (OSError, EOFError):
        return False
    return answer == b"hello"


async def up_is(proxy: Proxy, backends: list[TestBackend]) -> bool:
    return await up(proxy) == [pod.name for pod in backends]


@pytest.mark.parametrize("noticed_by", ["a client", "a check"])
async def test_a_container_that_comes_back_at_another_address_is_found_at_once_however_long_its_records_live(
    noticed_by: str,
) -> None:
    async with pods(2) as (before, after), running_dns_server() as server:
        server.ttl = 3600
        server.set(NAME, "A", before.host)
        settings: dict[str, Any] = {
            "DNS__NAME": NAME,
            "DNS__PORT": before.port,
            "DNS__RESOLVER": server.resolver,
            "DNS__MAX_INTERVAL": "1h",
            "HEALTH__INTERVAL": "200ms" if noticed_by == "a check" else "1h",
        }
        async with running_proxy(**settings) as proxy:
            assert await up_is(proxy, [before])
            server.set(NAME, "A", after.host)
            await before.stop()
            if noticed_by == "a client":
                assert not await is_served(proxy.port), "it is this failed dial that tells"
            await until(lambda: up_is(proxy, [after]))
            await until(lambda: is_served(proxy.port))
            assert server.asked("A") < 10, "names are asked for at most once a second"
