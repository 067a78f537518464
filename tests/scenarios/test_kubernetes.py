"""In front of a Service of Kubernetes: rollouts, outages of the API server and storms of events, under load."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.support.api_server import ApiServer, expired, line, running_api_server, sending
from tests.support.backends import TestBackend, echo, running_backend
from tests.support.clients import connect
from tests.support.proxy import Proxy, running_proxy
from tests.support.slices import Json, draining, endpoint, endpoint_slice
from tests.support.waiting import until

PODS = 10
MINUTE = 60


class Pod:
    """A backend with its own slice, as a Service with one endpoint per slice would have it."""

    def __init__(self, name: str, backend: TestBackend, server: ApiServer) -> None:
        self.name, self.backend, self._server = name, backend, server

    def _slice(self, *endpoints: Json) -> Json:
        return endpoint_slice(self.name, *endpoints, ports=[{"name": "http", "port": self.backend.port}])

    async def become_ready(self) -> None:
        await self._server.put(self._slice(endpoint(self.backend.host, pod=self.name, nodeName="node-1", zone="zone-a")))

    async def terminate(self) -> None:
        await self._server.put(self._slice(draining(self.backend.host, pod=self.name, nodeName="node-1", zone="zone-a")))

    async def leave(self) -> None:
        await self._server.delete(self._slice())


class Load:
    """Clients that connect, ask and leave, again and again."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.served = 0
        self._ended = False
        self.failures: list[str] = []

    async def _client(self) -> None:
        while not self._ended:
            try:
                client = await connect(self._port)
            except OSError as error:
                self.failures.append(repr(error))
                continue
            try:
                assert await client.ask(b"ping") == b"ping"
                assert await client.finish() == b""
            except (OSError, EOFError, AssertionError) as error:
                self.failures.append(repr(error))
                await client.close()
            else:
                self.served += 1

    @asynccontextmanager
    async def running(self, clients: int = 4) -> AsyncIterator[None]:
        tasks = [asyncio.ensure_future(self._client()) for _ in range(clients)]
        try:
            yield
        finally:
            self._ended = True
            await asyncio.gather(*tasks)

    async def goes_on(self) -> None:
        """Wait until more clients have been served."""
        served = self.served
        await until(lambda: self.served > served + 20, seconds=30)


@asynccontextmanager
async def pods(server: ApiServer, generation: str, count: int) -> AsyncIterator[list[Pod]]:
    async with AsyncExitStack() as stack:
        yield [
            Pod(f"{generation}-{number}", await stack.enter_async_context(running_backend(echo)), server)
            for number in range(count)
        ]


@asynccontextmanager
async def proxy_of(server: ApiServer, folder: Path, **settings: Any) -> AsyncIterator[Proxy]:
    given: dict[str, Any] = {
        "KUBERNETES__SERVICE": "chat/socketio",
        "KUBERNETES__KUBECONFIG": server.kubeconfig(folder / "config"),
    } | settings
    async with running_proxy(**given) as proxy:
        yield proxy


async def state_of(proxy: Proxy, pod: Pod) -> str | None:
    found = (await proxy.backends()).get(pod.backend.name)
    return str(found["state"]) if found else None


async def is_in_state(proxy: Proxy, pod: Pod, state: str | None) -> bool:
    return await state_of(proxy, pod) == state


async def test_a_rollout_of_ten_pods_under_load_fails_no_session(tmp_path: Path) -> None:
    async with running_api_server() as server, pods(server, "old", PODS) as old, pods(server, "new", PODS) as new:
        for pod in old:
            await pod.become_ready()
        async with proxy_of(server, tmp_path, HEALTH__TYPE="none") as proxy:
            load = Load(proxy.port)
            stays = await connect(proxy.port)
            assert await stays.ask(b"hello") == b"hello"
            async with load.running():
                for leaving, coming in zip(old, new, strict=True):
                    await coming.become_ready()
                    await until(partial(is_in_state, proxy, coming, "up"))
                    await leaving.terminate()
                    await until(partial(is_in_state, proxy, leaving, "draining"))
                    await load.goes_on()
                    taken = len(leaving.backend.accepted_at)
                    await load.goes_on()
                    assert len(leaving.backend.accepted_at) == taken, "a pod that terminates gets nobody new"
                    await leaving.leave()
                await load.goes_on()
            assert not load.failures
            assert await stays.ask(b"still") == b"still", "a session stays until it ends, wherever its pod has gone"
            assert await stays.finish() == b""
            await until(lambda: names_are(proxy, new))
            line = await proxy.event("session_closed", node="node-1", zone="zone-a")
            assert line["pod"].startswith(("old-", "new-"))
            added = await proxy.event("backend_added", pod="new-3")
            assert added["backend"] == new[3].backend.name
            _, body = await proxy.get("/metrics")
            assert b"new-3" not in body, "pods come and go, so they are no labels"
            assert await proxy.stop() == 0


async def names_are(proxy: Proxy, expected: list[Pod]) -> bool:
    return set(await proxy.backends()) == {pod.backend.name for pod in expected}


@pytest.mark.timeout(240)
async def test_an_api_server_that_is_away_for_a_minute_takes_no_backend_and_no_session(tmp_path: Path) -> None:
    async with running_api_server() as server, pods(server, "pod", 3) as (one, two, three):
        await one.become_ready()
        await two.become_ready()
        async with proxy_of(server, tmp_path) as proxy:
            load = Load(proxy.port)
            async with load.running():
                await load.goes_on()
                await server.stop()
                await proxy.event("discovery_failed", reason="cannot connect to the API server: connection refused")
                await two.leave()
                await three.become_ready()
                server.compact()
                away_until = monotonic() + MINUTE
                while monotonic() < away_until:
                    await load.goes_on()
                    assert (await proxy.get("/healthz"))[0] == 200
                (pool,) = (await proxy.status())["pools"]
                assert not pool["discovery"]["synced"]
                assert pool["discovery"]["reason"] == "cannot connect to the API server: connection refused"
                assert {backend["pod"] for backend in pool["backends"]} == {"pod-0", "pod-1"}
                assert await proxy.metrics("tidegate_discovery_synced", source="kubernetes") == 0
                assert (await proxy.get("/readyz"))[0] == 200
                await server.start()
                await until(lambda: names_are(proxy, [one, three]), seconds=40)
                await load.goes_on()
            assert not load.failures
            assert await proxy.metrics("tidegate_discovery_synced", source="kubernetes") == 1
            assert await proxy.stop() == 0


@pytest.mark.timeout(240)
async def test_a_hundred_events_a_second_for_a_minute_starve_neither_sessions_nor_health(tmp_path: Path) -> None:
    async with running_api_server() as server, pods(server, "pod", 2) as (one, two):
        await one.become_ready()
        async with proxy_of(server, tmp_path) as proxy:
            load = Load(proxy.port)
            async with load.running(2):
                started = monotonic()
                for number in range(50 * MINUTE):
                    await (two.become_ready() if number % 2 else two.terminate())
                    await server.put(endpoint_slice(f"burst-{number % 7}", endpoint("10.0.0.1", ready=False)))
                    if number % 50 == 0:
                        async with asyncio.timeout(1):
                            assert (await proxy.get("/healthz"))[0] == 200
                    await asyncio.sleep(max(0.0, started + number / 50 - monotonic()))  # the pace of the storm
                await until(lambda: names_are(proxy, [one, two]))
                await until(partial(is_in_state, proxy, two, "up"))
                await load.goes_on()
            assert not load.failures
            assert await proxy.stop() == 0


async def test_a_token_that_rotates_and_a_storm_of_410_fail_no_session(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    async with running_api_server() as server, pods(server, "pod", 3) as (one, two, three):
        server.tokens = {"first"}
        await one.become_ready()
        config = server.kubeconfig(tmp_path / "with-token", token_file=token)
        async with proxy_of(server, tmp_path, KUBERNETES__KUBECONFIG=config) as proxy:
            load = Load(proxy.port)
            async with load.running():
                server.tokens = {"second"}
                token.write_text("second")
                await server.cut_watches()
                await two.become_ready()
                await until(partial(is_in_state, proxy, two, "up"))
                assert server.asked[-1].token == "second"
                await proxy.event("discovery_synced")
                server.standing["watch"] = sending(line("ERROR", expired()))
                await server.cut_watches()
                asked = len(server.requests("list"))
                await until(lambda: len(server.requests("list")) >= asked + 3, seconds=30)
                await load.goes_on()
                del server.standing["watch"]
                await three.become_ready()
                await until(partial(is_in_state, proxy, three, "up"), seconds=40)
                await load.goes_on()
            assert not load.failures
            assert await proxy.stop() == 0


async def test_the_proxy_waits_unready_for_an_api_server_and_a_service(tmp_path: Path) -> None:
    async with running_api_server() as server, pods(server, "pod", 1) as (pod,):
        await server.stop()
        async with proxy_of(server, tmp_path, wait=False) as proxy:
            await proxy.event("discovery_failed")
            await until(partial(is_unready, proxy, b"kubernetes: cannot connect to the API server"))
            await server.start()
            await proxy.event(
                "discovery_empty",
                reason="no EndpointSlices for chat/socketio: is it there, and not of type ExternalName?",
                seconds=30,
            )
            await until(partial(is_unready, proxy, b"kubernetes: no EndpointSlices for chat/socketio"))
            await pod.become_ready()
            await until(partial(is_in_state, proxy, pod, "up"))
            client = await connect(proxy.port)
            assert await client.ask(b"hello") == b"hello"
            await client.finish()
            assert len(proxy.events("discovery_empty")) == 1
            assert await proxy.stop() == 0


async def is_unready(proxy: Proxy, reason: bytes) -> bool:
    try:
        status, body = await proxy.get("/readyz")
    except OSError:
        return False
    return status == 503 and reason in body
