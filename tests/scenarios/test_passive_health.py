"""What clients see while backends die or misbehave: those that fail real traffic leave, and the others serve everybody."""

import asyncio
import signal
import struct
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import trustme

from tests.support.backends import echo, running_backend
from tests.support.clients import Client, connect
from tests.support.peers import Peer, serving
from tests.support.ports import free_port
from tests.support.proxy import Proxy, running_proxy
from tests.support.servers import postgres_server
from tests.support.waiting import until

LOADERS = 8
CHECKS_LATE: dict[str, Any] = {"HEALTH__INTERVAL": "60s", "HEALTH__TIMEOUT": "5s"}

ECHO_SERVER = """
import asyncio

async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()

async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


CANCEL_REQUEST = struct.pack("!4I", 16, 80877102, 4711, 4711)
"""What PostgreSQL clients send on Ctrl-C and at a timeout, on a new connection. The server closes without an answer."""


async def read_and_reset(peer: Peer) -> None:
    """What a checker sees is a port that is open; what a client sees is a reset."""
    if await peer.read(1):
        peer.reset()


async def served(client: Client) -> bool:
    """Whether it gets an answer."""
    try:
        return await client.ask(b"hello") == b"hello"
    except (OSError, EOFError):
        return False


async def test_a_backend_that_accepts_and_then_resets_is_ejected_within_ten_sessions_and_clients_are_served() -> None:
    async with AsyncExitStack() as stack:
        good = [await stack.enter_async_context(running_backend(echo)) for _ in range(3)]
        broken = await stack.enter_async_context(serving(read_and_reset))
        names = ",".join([str(broken.address), *(backend.name for backend in good)])
        defaults: dict[str, Any] = {"HEALTH__INTERVAL": None, "HEALTH__TIMEOUT": None}
        proxy = await stack.enter_async_context(running_proxy(BACKENDS=names, **defaults))

        sessions = 0
        living: list[Client] = []
        while not proxy.events("backend_ejected"):
            client = await connect(proxy.port, source=f"127.0.0.{2 + sessions % 3}")
            sessions += 1
            if await served(client):
                living.append(client)
            else:
                await client.close()
            assert sessions <= 10 + 1, "the line about it may be written while one more comes"
        line = await proxy.event("backend_ejected", backend=str(broken.address))
        assert (line["previous"], line["seconds"]) == ("up", 30)
        assert line["reason"] == "5 sessions in a row ended at once without a byte"
        assert (await proxy.backends())[str(broken.address)]["state"] == "ejected"

        living += [await connect(proxy.port) for _ in range(20)]
        assert all([await served(client) for client in living])
        assert await proxy.metrics("tidegate_backend_ejections_total", backend=str(broken.address)) == 1
        assert not proxy.events("backend_restored"), "that it accepts proves nothing"
        await asyncio.gather(*(client.close() for client in living))
        assert await proxy.stop() == 0


async def test_one_client_that_makes_a_backend_hang_up_does_not_eject_it_and_three_clients_do() -> None:
    async with running_backend(echo) as steady, serving(read_and_reset) as other:
        name = str(other.address)
        async with running_proxy(BACKENDS=f"{name},{steady.name}", BALANCE="first", WORKERS=2) as proxy:
            for _ in range(20):
                assert not await one_more(proxy, "127.0.0.2")
            await seen_by_probes(proxy)
            assert not await one_more(proxy, "127.0.0.3")
            await seen_by_probes(proxy)
            assert not await one_more(proxy, "127.0.0.4")
            line = await proxy.event("backend_ejected", backend=name)
            assert line["reason"] == "22 sessions in a row ended at once without a byte"
            assert await proxy.stop() == 0


async def test_requests_to_cancel_eject_no_postgres() -> None:
    certificate = trustme.CA().issue_cert("127.0.0.1")
    async with postgres_server("host all all 127.0.0.1/32 trust", certificate) as server:
        names = f"127.0.0.1:{server.port},localhost:{server.port}"
        async with running_proxy(BACKENDS=names, BALANCE="first") as proxy:
            for _ in range(8):
                client = await connect(proxy.port)
                client.writer.write(CANCEL_REQUEST)
                assert await client.end() == "eof"
                await client.close()
                await proxy.event("session_closed", client=client.address, sent_bytes=16, received_bytes=0)
            await seen_by_probes(proxy)
            assert not proxy.events("backend_ejected")
            assert {backend["state"] for backend in (await proxy.backends()).values()} == {"up"}
            assert await proxy.stop() == 0


async def seen_by_probes(proxy: Proxy) -> None:
    """Wait for probes enough that what workers had to report is long with control."""
    before = await proxy.metrics("tidegate_backend_health_checks_total")

    async def probed() -> bool:
        return await proxy.metrics("tidegate_backend_health_checks_total") >= before + 5

    await until(probed)


async def test_an_ejected_backend_gets_traffic_again_when_its_time_is_over() -> None:
    broken = True

    async def mend(peer: Peer) -> None:
        while data := await peer.read():
            if broken:
                peer.reset()
                return
            await peer.send(data)

    async with running_backend(echo) as steady, serving(mend) as mending:
        name = str(mending.address)
        async with running_proxy(
            BACKENDS=f"{steady.name},{name}", BALANCE="round_robin", HEALTH__TYPE="none", OUTLIERS__FAILURES=2,
            OUTLIERS__EJECTION="300ms", WORKERS=2,
        ) as proxy:  # fmt: skip
            await until(lambda: asked_until(proxy, "backend_ejected"))
            broken = False
            line = await proxy.event("backend_restored", backend=name)
            assert (line["previous"], line["reason"]) == ("ejected", "its time is over")
            assert line["seconds"] >= 0.3

            async def has_served() -> bool:
                assert await one_more(proxy)
                return await proxy.metrics("tidegate_backend_received_bytes_total", backend=name) > 0

            await until(has_served)
            assert len(proxy.events("backend_ejected")) == 1
            assert await proxy.stop() == 0


async def asked_until(proxy: Proxy, event: str) -> bool:
    for client in range(2, 5):
        await one_more(proxy, f"127.0.0.{client}")
    return bool(proxy.events(event))


async def one_more(proxy: Proxy, source: str | None = None) -> bool:
    """Whether one more client is served, which comes from this loopback address."""
    try:
        client = await connect(proxy.port, source=source)
    except ConnectionResetError:  # connected, and reset before asyncio looked at the socket
        return False
    try:
        return await served(client)
    finally:
        await client.close()


@asynccontextmanager
async def echo_processes(count: int) -> AsyncIterator[list[tuple[str, Process]]]:
    """Backends that can really be killed, each with its name."""
    processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", ECHO_SERVER, stdout=PIPE) for _ in range(count)]
    try:
        backends = []
        for process in processes:
            assert process.stdout
            backends.append((f"127.0.0.1:{int(await process.stdout.readline())}", process))
        yield backends
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def kill(backends: Sequence[tuple[str, Process]]) -> None:
    for _, process in backends:
        process.send_signal(signal.SIGKILL)
    await asyncio.gather(*(process.wait() for _, process in backends))


class Load:
    """Clients that come one after the other; sessions that begin after `killed` was set must all be served."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.killed = False
        self.before = self.after = 0
        self.failed: list[str] = []

    async def run(self) -> None:
        """One client after the other, for ever."""
        while True:
            begun_after = self.killed
            try:
                client = await connect(self.proxy.port)
                good = await served(client)
                await client.close()
            except OSError as error:
                good = False
                self.failed += [repr(error)] * begun_after
            if begun_after:
                self.after += 1
                self.failed += ["not served"] * (not good)
            else:
                self.before += good


async def test_half_of_the_backends_are_killed_under_load_and_every_session_that_begins_then_is_served() -> None:
    async with echo_processes(4) as backends:
        names = ",".join(name for name, _ in backends)
        async with running_proxy(BACKENDS=names, WORKERS=2, **CHECKS_LATE) as proxy:
            load = Load(proxy)
            tasks = [asyncio.ensure_future(load.run()) for _ in range(LOADERS)]
            try:
                await until(lambda: load.before > 200)
                await kill(backends[:2])
                load.killed = True
                for name, _ in backends[:2]:
                    line = await proxy.event("backend_ejected", backend=name)
                    assert "dial" in line["reason"]
                detected = load.after
                await until(lambda: load.after > detected + 200)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            assert load.failed == []
            after = len(proxy.log)
            assert await one_more(proxy)
            line = await proxy.event("session_closed", after=after)
            assert line["attempts"] == 1, "nobody dials those that are ejected"
            assert await proxy.stop() == 0


async def test_when_all_are_down_all_are_tried_if_that_is_wanted_and_otherwise_clients_are_reset() -> None:
    async with running_backend(echo) as backend:
        wrong: dict[str, Any] = {"HEALTH__PORT": free_port(), "READY__MIN_BACKENDS": 1}
        async with running_proxy(BACKENDS=backend.name, WHEN_ALL_DOWN="try_all", **wrong) as proxy:
            line = await proxy.event("pool_panic_started", pool="default")
            assert line["reason"] == "0 of 1 backends are up"
            assert (await proxy.backends())[backend.name]["state"] == "down"
            assert await one_more(proxy)
            assert await proxy.metrics("tidegate_pool_panic", pool="default") == 1
            assert (await proxy.status())["pools"][0]["panic"] is True
            assert (await proxy.get("/readyz"))[0] == 200
            assert await proxy.stop() == 0
        async with running_proxy(BACKENDS=backend.name, wait=False, **wrong) as proxy:
            await proxy.event("backend_down")
            await until(lambda: accepts(proxy))
            assert not await one_more(proxy)
            await proxy.event("session_closed", reason="no_backend")
            assert (await proxy.get("/readyz"))[0] == 503
            assert await proxy.stop() == 0


async def accepts(proxy: Proxy) -> bool:
    return bool(await proxy.worker_pids()) and (await proxy.status())["state"] == "running"


async def test_below_the_panic_threshold_health_is_ignored_and_above_it_again_believed() -> None:
    async with running_backend(echo) as one, running_backend(echo) as other, running_backend(echo) as health:
        settings: dict[str, Any] = {"HEALTH__PORT": health.port, "HEALTH__FALL": 1, "HEALTH__RISE": 1, "PANIC_THRESHOLD": 50}
        async with running_proxy(BACKENDS=f"{one.name},{other.name}", BALANCE="round_robin", **settings) as proxy:
            await health.stop()
            await proxy.event("pool_panic_started")
            while min(len(one.accepted_at), len(other.accepted_at)) < 3:
                assert await one_more(proxy)
            await health.start()
            line = await proxy.event("pool_panic_ended")
            assert line["reason"] in {"1 of 2 backends are up", "2 of 2 backends are up"}
            assert await proxy.stop() == 0
