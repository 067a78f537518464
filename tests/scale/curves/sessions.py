"""Live sessions until the descriptors are used up; then they stay, and more clients come."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Final

from tests.scale.curve import Curve, Row
from tests.scale.parts.commands import Json, Part, running_part
from tests.scale.subject import Cost, control_megabytes, cost_of, descriptors, limited, workers_bytes
from tests.support.proxy import Proxy, running_proxy
from tests.support.waiting import until
from tidegate.core.limits import inbox_sockets, most_sessions

Say = Callable[[str], None]

STEPS: Final = (1000, 2000, 4000, 8000)
EACH: Final = 10_000  # sessions for one process of clients, and for one backend
MORE: Final = 6000  # clients for each worker that come when no descriptors are left: more than its queue holds
SIZE, ROUND = 512, 20.0  # bytes of an exchange, seconds in which each session has one
FIRST_ROUND: Final = 5.0
WAIT: Final = 5.0  # seconds that more clients are watched
ALL_SERVED: Final = 150.0  # seconds: a client that finds the queue full asks again after 1, 3, 7, ... 63


async def sessions(minutes: float, say: Say) -> Curve:
    """Measure with one worker and with two; with two the sessions stay for so many minutes."""
    curve = Curve("sessions", "Live sessions")
    for workers in (1, 2):
        async with running(workers, curve) as scene:
            for count in (*(step for step in STEPS if step < scene.most), scene.most):
                await scene.grow(count)
                curve.rows.append(await scene.measure())
                say(str(curve.rows[-1]))
            if workers == 2:
                curve.rows.append(await scene.hold(minutes, say))
            await scene.overflow(say)
            await scene.end()
    return curve


@dataclass
class Scene:
    """A proxy with its backends, and crowds of clients of which the last one comes too late."""

    curve: Curve
    proxy: Proxy
    workers: int
    most: int
    backends: list[Part]
    crowds: list[Part]
    bare: int = 0
    live: int = 0

    def __post_init__(self) -> None:
        self.more = min(MORE * self.workers, self.most)

    async def grow(self, count: int) -> None:
        """Have so many live sessions, which have all been answered once."""
        for crowd in self.crowds[:-1]:
            missing = min(count - self.live, EACH - (await crowd.ask("counts", group="live"))["clients"])
            if missing > 0:
                await crowd.ask("connect", group="live", count=missing, port=self.proxy.port, seconds=120.0)
                self.live += missing
        answer = await self.exchange(FIRST_ROUND)
        assert answer["answered"] == count, f"{answer} of {count} sessions\n{self.proxy.tail()}"

    async def exchange(self, seconds: float) -> Json:
        """One exchange of each live session."""
        answers = await asyncio.gather(
            *(crowd.ask("exchange", group="live", size=SIZE, seconds=seconds) for crowd in self.crowds[:-1])
        )
        sums = {name: sum(answer[name] for answer in answers) for name in ("answered", "lost", "wrong")}
        return sums | {name: max(answer[name] for answer in answers) for name in ("median", "slowest")}

    async def measure(self) -> Row:
        """A row of the table."""
        weight = (workers_bytes(self.proxy) - self.bare) / self.live
        answer, cost = await cost_of(self.proxy, self.exchange(ROUND))
        return self._row("", weight, answer, cost)

    def _row(self, what: str, weight: float, answer: Json, cost: Cost) -> Row:
        self.curve.expect_health(f"{self.live} sessions", cost.health)
        return {
            "workers": f"{self.workers}{what}",
            "sessions": self.live,
            "bytes of the workers per session": weight,
            "MB of control": control_megabytes(self.proxy),
            "median answer, ms": answer["median"] * 1000,
            "slowest answer, ms": answer["slowest"] * 1000,
            "slowest /healthz, ms": cost.health * 1000,
            "a worker's share of a core": cost.worker,
        }

    async def hold(self, minutes: float, say: Say) -> Row:
        """Keep the sessions, each of which has an exchange in every round; the worst of all rounds."""
        end, rounds = monotonic() + minutes * 60, 0
        worst, most = {"median": 0.0, "slowest": 0.0}, Cost(0.0, 0.0, 0.0)
        while rounds == 0 or monotonic() < end:
            answer, cost = await cost_of(self.proxy, self.exchange(ROUND))
            worst = {name: max(worst[name], answer[name]) for name in worst}
            most = most.or_more(cost)
            self.curve.expect(
                answer["answered"] == self.live and not answer["lost"] and not answer["wrong"],
                f"in round {rounds}: {answer}",
            )
            rounds += 1
            say(f"held {rounds * ROUND / 60:.1f} min: {answer}")
        weight = (workers_bytes(self.proxy) - self.bare) / self.live
        return self._row(f", after {minutes:g} min", weight, worst, most)

    async def overflow(self, say: Say) -> None:
        """More clients come than there are descriptors; then as many others leave."""
        late, port = self.crowds[-1], self.proxy.port
        came = await late.ask("connect", group="more", count=self.more, port=port, seconds=WAIT)
        asked, live = await asyncio.gather(late.ask("exchange", group="more", size=SIZE, seconds=1.0), self.exchange(WAIT))
        paused = await self.proxy.event("accept_paused", level="warning")
        say(f"more came: {came}; then: {asked}; the live ones: {live}; {paused}")
        self.curve.expect(live["answered"] == self.live and not live["lost"], f"live sessions beside more clients: {live}")
        self.curve.expect(not asked["lost"], f"clients that wait: {asked}")
        began = monotonic()
        for crowd in self.crowds[:-1]:
            await crowd.ask("leave", group="live", count=self.more // (len(self.crowds) - 1))
        self.live -= self.more
        half = await self._served(late, self.more // 2)
        seen = await self._served(late, self.more)
        await self.proxy.event("accept_resumed")
        say(f"half of them: {half}; all: {seen}")
        self.curve.expect(seen["served"] == self.more and not seen["wrong"], f"after others had left: {seen}")
        self.curve.breaks.append(
            f"{self._with_workers}, {self.more:,} more clients than the {self.most:,} sessions for which there are "
            f"descriptors: `accept_paused` ({paused['reason']}). {came['connected']:,} of them are connected and wait in "
            f"the kernel's queues; the kernels of the others ask again. While they wait, {asked['served']:,} are served and "
            f"{asked['lost']:,} refused; {live['lost']:,} live sessions are lost, and the slowest answer of the others "
            f"takes {live['slowest'] * 1000:.0f} ms. Once as many others have left, half of those that waited are served "
            f"within {half['at'] - began:.1f} s, all within {seen['at'] - began:.1f} s."
        )

    @property
    def _with_workers(self) -> str:
        return f"With {self.workers} worker{'s' if self.workers > 1 else ''}"

    async def _served(self, late: Part, count: int) -> Json:
        end = monotonic() + ALL_SERVED
        while (seen := await late.ask("exchange", group="more", size=SIZE, seconds=0.2))["served"] < count:
            if monotonic() > end:
                break
        return seen | {"at": monotonic()}

    async def end(self) -> None:
        """All leave: each session has its line, no byte was wrong, and nothing is left behind."""
        for crowd in self.crowds:
            for group in ("live", "more"):
                await crowd.ask("leave", group=group, count=self.most + self.more)
        await until(self._is_empty, seconds=60)
        lines = self.proxy.events("session_closed")
        expected = self.most + self.more
        reasons = {line["reason"] for line in lines}
        dropped = await self.proxy.metrics("tidegate_log_lines_dropped_total")
        self.curve.expect(
            len(lines) == expected and not dropped, f"{len(lines)} lines of {expected} sessions, {dropped} dropped"
        )
        self.curve.expect(reasons == {"client_eof"}, f"close reasons: {reasons}")
        seen = [await backend.ask("counts") for backend in self.backends]
        self.curve.expect(not any(one.get("wrong") or one.get("broken") for one in seen), f"the backends saw {seen}")
        rest = (workers_bytes(self.proxy) - self.bare) / 1e6
        self.curve.breaks.append(
            f"{self._with_workers}, after all have left: {len(lines):,} lines of log for "
            f"{expected:,} sessions, {rest:.1f} MB more than before the first."
        )
        self.curve.expect(await self.proxy.stop() == 0 and not self.proxy.errors, f"standard error: {self.proxy.errors}")

    async def _is_empty(self) -> bool:
        return not await self.proxy.metrics("tidegate_listener_connections_active")


@asynccontextmanager
async def running(workers: int, curve: Curve) -> AsyncIterator[Scene]:
    """A proxy without a session, with backends and clients for all the sessions that it can have."""
    sockets = workers + inbox_sockets(workers)
    most = workers * most_sessions(descriptors(), sockets)
    groups = -(-most // EACH)
    async with AsyncExitStack() as stack:
        backends = [await stack.enter_async_context(running_part("backends")) for _ in range(groups)]
        crowds = [await stack.enter_async_context(running_part("clients", place)) for place in range(groups + 1)]
        addresses = [f"127.0.0.1:{(await backend.ask('port'))['port']}" for backend in backends]
        proxy = await stack.enter_async_context(
            running_proxy(
                command=limited(descriptors()),
                BACKENDS=",".join(addresses),
                WORKERS=workers,
                HEALTH__INTERVAL="2s",
                HEALTH__TIMEOUT="2s",
            )
        )
        scene = Scene(curve, proxy, workers, most, backends, crowds)
        scene.bare = workers_bytes(proxy)
        yield scene
