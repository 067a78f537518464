"""A worker dies under load: it takes its own sessions with it and nothing else."""

import asyncio
import fcntl
import mmap
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count

import orjson

from tests.support.backends import echo, running_backend
from tests.support.clients import Client, ask_all, clients, connect
from tests.support.proxy import Fields, Proxy, running_proxy
from tests.support.sharing import until_all_workers_accept
from tests.support.waiting import until

QUIET, BUSY, NEW = 150, 250, 100
PACE = 0.05  # seconds between two questions of a client

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def test_only_its_own_sessions_are_lost_and_no_counter_goes_backwards() -> None:
    async with (
        running_backend(echo) as one,
        running_backend(echo) as two,
        running_proxy(BACKENDS=f"{one.name},{two.name}", WORKERS=2) as proxy,
        all_workers_accepting(proxy),
        clients(proxy.port, QUIET) as quiet,
        clients(proxy.port, BUSY) as talkative,
        talking(talkative) as still_served,
    ):
        assert await ask_all(quiet) == QUIET
        before = await settled_status(proxy, sessions=QUIET + BUSY)
        samples = await proxy.samples()
        victim, survivor = sorted(before["workers"], key=lambda worker: int(worker["connections_active"]))
        lost = victim["connections_active"]
        os.kill(victim["pid"], signal.SIGKILL)

        line = await proxy.event("worker_restarted")
        assert (line["worker"], line["pid"], line["sessions_lost"]) == (victim["id"], victim["pid"], lost)
        assert line["ended"] == "killed by SIGKILL"
        no_counter_went_backwards(samples, await proxy.samples())
        await the_other_sessions_live_on(proxy, quiet, still_served, survivor["connections_active"])

        after = await settled_status(proxy, sessions=survivor["connections_active"])
        assert after["workers"][survivor["id"]]["pid"] == survivor["pid"]
        assert after["workers"][victim["id"]]["restarts"] == 1
        assert after["workers"][victim["id"]]["pid"] != victim["pid"]
        backends = after["pools"][0]["backends"]
        assert sum(backend["connections_active"] for backend in backends) == survivor["connections_active"]
        await the_same_sockets_serve_newcomers(proxy, after, victim["id"])

        await asyncio.gather(*(client.close() for client in (*quiet, *talkative)))
        await settled_status(proxy, sessions=0)
        no_counter_went_backwards(samples, await proxy.samples())
        await the_loss_is_counted_once(proxy, lost)


async def test_session_lines_that_die_with_a_worker_are_counted() -> None:
    sessions = 200
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, mmap.PAGESIZE)  # so that most lines wait in the worker
    with os.fdopen(reading, "rb") as output:
        async with running_backend(echo) as backend, running_proxy(BACKENDS=backend.name, stdout=writing) as proxy:
            os.close(writing)
            for _ in range(sessions):
                client = await connect(proxy.port)
                assert await client.ask(b"a") == b"a"
                await client.close()
            await settled_status(proxy, sessions=0)
            os.kill((await proxy.worker_pids())[0], signal.SIGKILL)
            reader = asyncio.create_task(asyncio.to_thread(output.read))
            lost = await until(lambda: proxy.metrics("tidegate_log_lines_lost_total"))
            assert await proxy.stop() == 0
            lines = [orjson.loads(line) for line in (await reader).splitlines()]
    assert lost > sessions / 2
    assert len([line for line in lines if line["event"] == "session_closed"]) + lost == sessions
    assert [line["log_lines_lost"] for line in lines if line["event"] == "worker_restarted"] == [lost]


@asynccontextmanager
async def all_workers_accepting(proxy: Proxy) -> AsyncIterator[None]:
    await until_all_workers_accept(proxy)
    await settled_status(proxy, sessions=0)
    yield


@asynccontextmanager
async def talking(connected: Sequence[Client]) -> AsyncIterator[set[Client]]:
    """Let clients ask all the time; answers those for whom it works, and stops at the end."""
    served = set(connected)

    async def talk(client: Client) -> None:
        with suppress(OSError, EOFError):
            for number in count():
                payload = f"{number:09}\n".encode() * 100
                assert await client.ask(payload) == payload
                await asyncio.sleep(PACE)
        served.discard(client)

    talks = [asyncio.ensure_future(talk(client)) for client in connected]
    try:
        yield served
    finally:
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def the_other_sessions_live_on(
    proxy: Proxy, quiet: Sequence[Client], still_served: set[Client], survivors: int
) -> None:
    _, body = await proxy.get("/connections")
    alive = {connection["client"] for connection in orjson.loads(body)["connections"]}
    assert len(alive) == survivors
    spared = [client for client in quiet if client.address in alive]
    assert 0 < len(spared) < QUIET
    assert await ask_all(spared) == len(spared)
    await until(lambda: len(still_served) == survivors - len(spared))
    ends = await asyncio.gather(*(client.end() for client in quiet if client not in spared))
    assert Counter(ends) == {"reset": QUIET - len(spared)}, "a cut stream must not look complete"


async def the_same_sockets_serve_newcomers(proxy: Proxy, before: Fields, restarted: int) -> None:
    sessions = sum(worker["connections_active"] for worker in before["workers"])
    await until_all_workers_accept(proxy)
    await settled_status(proxy, sessions=sessions)
    async with clients(proxy.port, NEW) as newcomers:
        assert await ask_all(newcomers) == NEW
        status = await settled_status(proxy, sessions=sessions + NEW)
        assert status["workers"][restarted]["connections_active"] > 0


async def the_loss_is_counted_once(proxy: Proxy, lost: int) -> None:
    assert await proxy.metrics("tidegate_connections_closed_total", reason="worker_lost") == lost
    closed = await proxy.metrics("tidegate_connections_closed_total")
    assert closed == await proxy.metrics("tidegate_listener_connections_total")
    assert await proxy.metrics("tidegate_backend_connections_active") == 0
    assert await proxy.metrics("tidegate_worker_restarts_total") == 1
    assert len(proxy.events("worker_restarted")) == 1
    assert await proxy.stop() == 0
    await proxy.event("stopped")
    assert len(proxy.events("session_closed")) == closed - lost


async def settled_status(proxy: Proxy, *, sessions: int) -> Fields:
    """The status once all workers run and listeners and workers agree on this number of sessions."""

    async def ask() -> Fields | None:
        status = await proxy.status()
        counts = {
            sum(worker["connections_active"] for worker in status["workers"]),
            sum(listener["connections_active"] for listener in status["listeners"]),
        }
        return status if counts == {sessions} and all(worker["pid"] for worker in status["workers"]) else None

    status = await until(ask)
    assert status is not None
    return status


def no_counter_went_backwards(before: Samples, after: Samples) -> None:
    counters = {key: value for key, value in before.items() if key[0].endswith(("_total", "_count", "_sum", "_bucket"))}
    assert counters
    assert {key: (value, after.get(key)) for key, value in counters.items() if after.get(key, -1) < value} == {}


async def test_a_worker_that_keeps_dying_is_restarted_after_a_growing_pause_while_control_answers() -> None:
    async with (
        running_backend(echo) as backend,
        running_proxy(BACKENDS=backend.name, HEALTH__TYPE="none") as proxy,
    ):
        pauses: list[float] = []
        for deaths in range(4):
            (pid,) = await until(proxy.worker_pids)
            after = len(proxy.log)
            os.kill(pid, signal.SIGKILL)
            line = await proxy.event("worker_restarted", pid=pid, after=after)
            pauses.append(line["pause_seconds"])
            assert (await proxy.get("/healthz"))[0] == 200
            status, body = await proxy.get("/readyz")
            assert (status, orjson.loads(body)["reasons"]) == (503, ["listener default: no worker accepts"])
            restarts = (await proxy.status())["workers"][0]["restarts"]
            assert restarts in {deaths, deaths + 1}, "it may have been started again when the page was made"
        assert pauses == sorted(set(pauses)), "each pause is longer than the one before"
        # A client that comes while no worker runs waits in the kernel's queue.
        client = await connect(proxy.port)
        assert await client.ask(b"are you there?") == b"are you there?"
        await client.close()
        assert (await proxy.status())["workers"][0]["restarts"] == 4
        assert await proxy.metrics("tidegate_worker_restarts_total") == 4
        assert await proxy.stop() == 0


async def test_sigterm_while_a_worker_waits_for_its_restart_stops_at_once() -> None:
    async with running_backend(echo) as backend, running_proxy(BACKENDS=backend.name, WORKERS=2) as proxy:
        victim, _ = await proxy.worker_pids()
        os.kill(victim, signal.SIGKILL)
        await proxy.event("worker_restarted", pid=victim)
        assert await proxy.stop() == 0
        await proxy.event("stopped")


async def test_workers_end_by_themselves_when_control_is_killed() -> None:
    async with (
        running_backend(echo) as backend,
        running_proxy(BACKENDS=backend.name, WORKERS=2) as proxy,
        clients(proxy.port, 20) as connected,
    ):
        assert await ask_all(connected) == 20
        workers = await proxy.worker_pids()
        proxy.signal(signal.SIGKILL)
        assert await proxy.exit_code() == -signal.SIGKILL
        await until(lambda: not any(map(runs, workers)))
        assert await asyncio.gather(*(client.end() for client in connected)) == ["reset"] * 20
        await until(lambda: len(proxy.events("control_lost")) == 2)
        await until(lambda: len(proxy.events("session_closed", reason="error")) == 20)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
