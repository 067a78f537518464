"""One round: a mix, disturbed or not, for a while; then everything is held against everything."""

import asyncio
import random
import traceback
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from tests.faults.disturbances.disturbance import Disturbance
from tests.faults.evidence import is_felt
from tests.faults.invariants import backups_rest, bytes_agree, come_to_rest, counts_agree, nothing_kept
from tests.faults.ledger import LONGEST_STALL
from tests.faults.mix import Mix
from tests.faults.session import Session
from tests.faults.world import World, world
from tests.support.waiting import until

LOOK: Final = 1.0  # seconds between two looks for sessions that stand still
PAUSES: Final = (0.2, 3.0)  # seconds between two strikes


@dataclass(kw_only=True)
class Tally:
    """What rounds did; bytes are what clients have sent and received, `unfelt` rounds that did not feel what had struck."""

    seconds: float = 0.0
    sessions: int = 0
    whole: int = 0
    bytes: int = 0
    worst_healthz: float = 0.0
    strikes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    evidence: Counter[str] = field(default_factory=Counter)
    unfelt: Counter[str] = field(default_factory=Counter)


@dataclass(kw_only=True)
class Result(Tally):
    """What one round did, and what it found."""

    mix: Mix
    disturbances: tuple[str, ...]
    violations: list[str] = field(default_factory=list)
    tail: str = ""

    def __str__(self) -> str:
        size, healthz = f"{self.bytes / 1e9:.2f} GB", f"/healthz {self.worst_healthz:.2f} s"
        numbers = f"{self.seconds:.0f} s, {self.sessions:,} sessions, {size}, {healthz}"
        struck = ", ".join(f"{count} x {name}" for name, count in self.strikes.items()) or "calm"
        unfelt = f", not felt: {', '.join(self.unfelt)}" if self.unfelt else ""
        return f"{self.mix}\n  {struck}: {numbers}\n  {dict(self.reasons)} {dict(self.evidence)}{unfelt}"


async def run(mix: Mix, disturbances: Sequence[Disturbance], seconds: float) -> Result:
    """Play one round."""
    random.seed(mix.seed)
    result = Result(mix=mix, disturbances=tuple(disturbance.name for disturbance in disturbances))
    began = monotonic()
    try:
        async with world(mix, disturbances) as made:
            try:
                result.strikes = await _play(made, seconds)
            finally:
                result.tail = made.log.tail()
                _sum_up(result, made)
    except Exception as error:  # noqa: BLE001 - what a round cannot go on with is a finding, too
        result.violations.append(f"the round failed: {''.join(traceback.format_exception(error))}")
    result.seconds = monotonic() - began
    return result


def _sum_up(result: Result, made: World) -> None:
    ledger = made.ledger
    result.sessions, result.whole, result.bytes = ledger.played, ledger.whole, ledger.bytes
    result.reasons, result.violations = ledger.reasons, ledger.violations
    result.worst_healthz = made.health.worst
    result.evidence = made.evidence
    signs = {one.name: one.signs for one in made.mix.extras}
    signs |= {one.name: one.signs for one in made.disturbances if one.name in result.strikes}
    result.unfelt = Counter(name for name, those in signs.items() if not is_felt(those, result.evidence))


async def _play(made: World, seconds: float) -> Counter[str]:
    before = await made.steady_holdings()
    watching = asyncio.ensure_future(made.counters.watch(made.admin_port))
    stalls = asyncio.ensure_future(_end_stalls(made))
    with made.health.running():
        async with made.clients.playing(made.mix.at_once):
            strikes = await _strike(made, seconds)
        await _all_over(made)
        await _end(watching, stalls)
        samples = await come_to_rest(made)
        await nothing_kept(made, before)
    await made.stop()
    counts_agree(made, samples)
    bytes_agree(made, samples)
    backups_rest(made, samples)
    if len(made.ledger.live) > made.ledger.without_line:
        made.ledger.violation(f"sessions that are not over: {[str(one) for one in list(made.ledger.live.values())[:3]]}")
    return strikes


async def _end(*watchers: asyncio.Future[None]) -> None:
    """End what watches; what has failed meanwhile has watched nothing."""
    for watcher in watchers:
        watcher.cancel()
    for result in await asyncio.gather(*watchers, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


async def _strike(made: World, seconds: float) -> Counter[str]:
    """Disturb at random until the time is over; how often what has struck."""
    strikes = Counter[str]()
    end = monotonic() + seconds
    while (left := end - monotonic()) > 0 and not made.ledger.violations:
        await asyncio.sleep(min(left, random.uniform(*PAUSES)))
        if made.disturbances and monotonic() < end:
            disturbance = random.choice(made.disturbances)
            with made.ledger.excusing(disturbance.excuses):
                await disturbance.strike(made)
            strikes[disturbance.name] += 1
    return strikes


async def _all_over(made: World) -> None:
    """Wait for backends that still read what the proxy has passed on; who has a line or may have lost it."""
    with suppress(AssertionError):
        await until(lambda: len(made.ledger.live) <= made.ledger.without_line, seconds=LONGEST_STALL)


async def _end_stalls(made: World) -> None:
    """A session that stands still is a finding; all are broken off then, or the round would not end."""
    while True:
        await asyncio.sleep(LOOK)
        made.ledger.give_up_lines()
        if stalled := made.ledger.stalled():
            made.ledger.violation(f"no byte has moved for {LONGEST_STALL:.0f} s", stalled[0])
            made.ledger.violation(f"its sockets: {await _sockets_of(stalled[0])}")
            made.clients.break_off()
            return


async def _sockets_of(session: Session) -> str:
    """What the kernel knows of the client's connection, at both ends."""
    port = session.address.rpartition(":")[2]
    command = ("ss", "-tnpoH", f"( sport = :{port} or dport = :{port} )")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return " ".join(output.decode().split())
