"""A watch that goes deaf or is refused, with a scripted API server over real HTTP: what is asked next, and what is said."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_server import ApiServer, Fault, hang, line, plain, sending, status
from tests.support.following import ONE, QUICK, TWO, following, hosts, settled
from tests.support.logs import captured_events
from tests.support.waiting import until
from tidegate.control.discovery.kubernetes.cluster import Cluster
from tidegate.control.discovery.kubernetes.kubeconfig import Kubeconfig
from tidegate.control.discovery.kubernetes.trouble import refused
from tidegate.control.discovery.kubernetes.watch import Objects, Watch, WatchCallbacks
from tidegate.control.pools.live_pool import LivePool
from tidegate.core.discovery.watching import End
from tidegate.settings.words import KubernetesApi, ServiceName

DEAF = replace(QUICK, silence=0.2)
WHERE = "endpointslices.discovery.k8s.io in the namespace chat"


def reason_of(pool: LivePool) -> str:
    return pool.discovery.reason or ""


async def test_a_watch_that_has_gone_deaf_is_opened_again_and_loses_nothing(server: ApiServer, tmp_path: Path) -> None:
    server.faults["watch"].append(
        sending(line("MODIFIED", ONE | {"metadata": ONE["metadata"] | {"resourceVersion": "1001"}}), then="silence")
    )
    with captured_events() as log:
        async with following(server, tmp_path, DEAF) as pool:
            await until(lambda: len(server.requests("watch")) == 1)
            await server.put(TWO)
            await settled(pool, 1, 2)
            assert server.requests("watch")[1].query["resourceVersion"] == "1001"
            assert len(server.requests("list")) == 1
            assert pool.discovery.events["failed"] == 0
            assert pool.discovery.synced
    assert [entry["event"] for entry in log if entry["event"].startswith("discovery")] == ["discovery_synced"]


async def test_a_bookmark_says_that_a_watch_is_not_deaf(server: ApiServer, tmp_path: Path) -> None:
    bookmarks = [line("BOOKMARK", {"metadata": {"resourceVersion": "1001"}})] * 12
    server.faults["watch"].append(sending(*bookmarks, then="silence", between=0.05))
    async with following(server, tmp_path, replace(DEAF, silence=0.4)):
        await until(lambda: len(server.requests("watch")) == 2)
        first, second = server.requests("watch")
        assert second.at - first.at > 0.8, "twelve bookmarks take longer than one silence"


async def test_between_events_that_come_together_others_have_their_turn(server: ApiServer, tmp_path: Path) -> None:
    turns: list[int] = []
    server.faults["watch"].append(sending(line("MODIFIED", ONE) * 300, then="silence"))
    turn = 0

    async def take_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    callbacks = WatchCallbacks(lambda _: None, lambda _: turns.append(turn), lambda: None, lambda _: None)
    objects = Objects.of(ServiceName("chat", "socketio"), KubernetesApi.ENDPOINTSLICES)
    watch = Watch(Cluster(Kubeconfig(server.kubeconfig(tmp_path / "kubeconfig"))), objects, callbacks, QUICK)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(watch.run()), tasks.create_task(take_turns())]
        await until(lambda: len(turns) == 300)
        for task in running:
            task.cancel()
    assert len(set(turns)) == 300


async def test_an_api_server_that_hangs_is_not_synced_and_takes_no_backend(server: ApiServer, tmp_path: Path) -> None:
    server.faults["watch"].append(sending(then="silence"))
    server.standing["watch"] = hang
    async with following(server, tmp_path, replace(DEAF, watch_answer=0.2, list_answer=0.2)) as pool:
        await settled(pool, 1)
        server.standing["list"] = hang
        await until(lambda: pool.discovery.events["failed"] > 2)
        assert (reason_of(pool), pool.discovery.synced) == ("the API server does not answer in time", False)
        assert hosts(pool) == ["10.0.0.1"]
        server.standing.clear()
        await server.put(TWO)
        await settled(pool, 1, 2)
        await until(lambda: pool.discovery.synced)


RETRIED_ALONE: dict[str, tuple[Fault, str]] = {
    "429": (status(429, "busy"), "429: the API server has too many requests"),
    "503": (status(503, "starting"), f"503 for watch {WHERE}: starting"),
}


@pytest.mark.parametrize("name", RETRIED_ALONE)
async def test_a_busy_server_is_asked_for_the_watch_alone(server: ApiServer, tmp_path: Path, name: str) -> None:
    server.standing["watch"], reason = RETRIED_ALONE[name]
    async with following(server, tmp_path) as pool:
        await until(lambda: pool.discovery.events["failed"] > 3)
        assert (reason_of(pool), pool.discovery.synced) == (reason, False)
        assert len(server.requests("list")) == 1
        del server.standing["watch"]
        await server.put(TWO)
        await settled(pool, 1, 2)
        await until(lambda: pool.discovery.synced)
        assert len(server.requests("list")) == 1


async def test_a_refused_connection_is_retried_for_the_watch_alone(server: ApiServer, tmp_path: Path) -> None:
    async with following(server, tmp_path) as pool:
        await until(lambda: server.watchers == 1)
        await server.stop()
        await until(lambda: reason_of(pool) == "cannot connect to the API server: connection refused")
        await server.put(TWO)
        await server.start()
        await settled(pool, 1, 2)
        assert len(server.requests("list")) == 1


LISTED_AGAIN: dict[str, tuple[Fault, str]] = {
    "401": (status(401), "401: the API server does not know our token or certificate"),
    "403": (
        status(403, "no watching"),
        f"403: we may not watch {WHERE}: give our account this verb on this resource (no watching)",
    ),
    "404": (status(404), f"404: the API server has nothing to watch {WHERE}: is this API there?"),
    "no answer": (hang, "the API server does not answer in time"),
    "an error event": (
        sending(line("ERROR", {"code": 500, "message": "cannot decode"})),
        "the watch ended with 500: cannot decode",
    ),
}


@pytest.mark.parametrize("name", LISTED_AGAIN)
async def test_after_anything_else_it_lists_again_and_shows_the_reason(server: ApiServer, tmp_path: Path, name: str) -> None:
    server.standing["watch"], reason = LISTED_AGAIN[name]
    async with following(server, tmp_path, replace(QUICK, watch_answer=0.1)) as pool:
        await settled(pool, 1)
        await server.put(TWO)
        await settled(pool, 1, 2)
        await server.delete(ONE)
        await settled(pool, 2)
        await until(lambda: reason_of(pool) == reason)
        assert not pool.discovery.synced, "it follows by lists alone"
        del server.standing["watch"]
        await until(lambda: pool.discovery.synced)


async def test_the_reason_of_a_watch_that_is_refused_stays_while_lists_succeed(server: ApiServer, tmp_path: Path) -> None:
    server.standing["watch"] = status(403)
    reports: list[bool] = []
    async with following(server, tmp_path) as pool:
        await until(lambda: pool.discovery.events["failed"] == 1)
        discovered = pool.discovered

        def noting(*args: Any, **options: Any) -> None:
            discovered(*args, **options)
            reports.append(pool.discovery.synced)

        pool.discovered = noting  # type: ignore[method-assign]
        await until(lambda: len(reports) > 3)
    assert not any(reports)


@pytest.mark.parametrize(
    ("code", "end"),
    [
        (400, End.OTHER),
        (401, End.OTHER),
        (403, End.OTHER),
        (404, End.OTHER),
        (409, End.OTHER),
        (410, End.EXPIRED),
        (429, End.BUSY),
        (500, End.BUSY),
        (503, End.BUSY),
        (504, End.BUSY),
    ],
)
def test_what_the_status_of_an_answer_means_for_the_watch(code: int, end: End) -> None:
    assert refused(code, "", "watch").end is end


async def test_the_first_line_of_a_plain_answer_is_shown(server: ApiServer, tmp_path: Path) -> None:
    server.standing["list"] = plain(400, "\nClient sent an HTTP request to an HTTPS server.\nmore\n")
    async with following(server, tmp_path) as pool:
        reason = f"400 for list {WHERE}: Client sent an HTTP request to an HTTPS server."
        await until(lambda: reason_of(pool) == reason)
        server.standing["list"] = plain(502, "<html>\n<head>Bad Gateway</head>\n</html>")
        await until(lambda: reason_of(pool) == f"502 for list {WHERE}: Bad Gateway")
    assert hosts(pool) == []


async def test_a_connection_to_the_api_server_is_watched_over_by_the_kernel(server: ApiServer, tmp_path: Path) -> None:
    async with following(server, tmp_path):
        await until(lambda: server.watchers == 1)
        assert 0 < await asyncio.to_thread(keepalive_timer, server.port) <= 15.0


def keepalive_timer(port: int) -> float:
    """Seconds until the kernel asks whether the peer at a port of this host is there: the `keepalive` timer of proc(5)."""
    connections = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    to_port = [row for row in connections if row[2] == f"0100007F:{port:04X}" and row[5].startswith("02:")]
    return max((int(row[5][3:], 16) / 100 for row in to_port), default=0.0)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("120", 120, 120),
        ("1e9", 600, 600),
        ("Sun, 29 Nov 2093 15:38:10 GMT", 600, 600),
        ("Sun, 29 Nov 1994 15:38:10 GMT", 0, 0),
        ("Sun, 29 Nov 99999999999999999999 15:38:10 GMT", 0, 0),
        ("Sun, 29 Nov 2093 15:38:10 +9999999999999999", 0, 0),
        ("-1", 0, 0),
        ("nan", 0, 0),
        ("soon", 0, 0),
    ],
)
def test_whatever_retry_after_says_the_pause_is_at_most_ten_minutes(header: str, least: float, most: float) -> None:
    assert least <= refused(429, "", "watch", header).retry_after <= most
