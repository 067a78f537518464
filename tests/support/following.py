"""Pools that follow a Service of a scripted API server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from os import close
from pathlib import Path
from typing import Any

from tests.support.api_server import ApiServer
from tests.support.slices import endpoint, endpoint_slice
from tests.support.waiting import until
from tidegate.control.discovery.kubernetes.cluster import Cluster
from tidegate.control.discovery.kubernetes.kubeconfig import Kubeconfig
from tidegate.control.discovery.kubernetes.source import KubernetesDiscovery
from tidegate.control.discovery.kubernetes.watch import WatchPace
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.totals import Totals
from tidegate.core.backoff import Backoff
from tidegate.link.board import BACKENDS, Board
from tidegate.settings.parts.pool import PoolSettings

QUICK = WatchPace(
    shortest_watch=30,
    longest_watch=40,
    lateness=1.0,
    list_answer=1.0,
    watch_answer=1.0,
    too_short=0.0,
    backoff=Backoff(first=0.01, longest=0.05, healthy_after=120.0),
)
ONE, TWO, THREE = (endpoint_slice(f"slice-{number}", endpoint(f"10.0.0.{number}")) for number in (1, 2, 3))


@contextmanager
def pool_of(room: int = 0, **kubernetes: Any) -> Iterator[LivePool]:
    """A pool that nobody probes; all but `room` places for backends are taken where that is given."""
    board = Board.create(1)
    totals = Totals(board)
    for _ in range(totals.room(BACKENDS) - room if room else 0):
        totals.allocate(BACKENDS)
    health = kubernetes.pop("health", {"type": "none"})
    given = {"kubernetes": {"service": "chat/socketio"} | kubernetes, "health": health}
    try:
        yield LivePool("chat", PoolSettings.model_validate(given), "kubernetes", totals, lambda *_: None)
    finally:
        close(board.descriptor)


@asynccontextmanager
async def following(
    server: ApiServer, folder: Path, pace: WatchPace = QUICK, cluster: Cluster | None = None, **kubernetes: Any
) -> AsyncIterator[LivePool]:
    """A pool that follows the Service chat/socketio of a server."""
    cluster = cluster or Cluster(Kubeconfig(server.kubeconfig(folder / "kubeconfig")))
    with pool_of(**kubernetes) as pool:
        task = asyncio.ensure_future(KubernetesDiscovery(pool, cluster, pace).run())
        try:
            yield pool
            assert not task.done(), task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def hosts(pool: LivePool) -> list[str]:
    return [member.backend.host for member in pool.snapshot.members.values()]


async def settled(pool: LivePool, *expected: int) -> None:
    """Wait for exactly these backends."""
    wanted = [f"10.0.0.{number}" for number in expected]
    await until(lambda: hosts(pool) == wanted)
