"""What must hold when a proxy has come to rest: nothing lost, nothing counted twice, nothing kept."""

from collections import Counter
from typing import Final

from tests.faults.processes import Holdings
from tests.faults.watch import scrape
from tests.faults.world import World
from tests.support.proxy import Samples, total
from tests.support.waiting import until

REST: Final = 30.0  # seconds until all that waits for a sweep, or for an acknowledgement, is gone
MORE_MEMORY: Final = 24 << 20  # bytes that a process may have taken into use for good
ACTIVE: Final = ("tidegate_listener_connections_active", "tidegate_backend_connections_active", "tidegate_pool_queued")
COUNTED: Final = ("tidegate_listener_connections_total", "tidegate_connections_closed_total")


async def come_to_rest(world: World) -> Samples:
    """Wait until no session is open; the metrics of that moment, whatever they say.

    Control answers for a second with the same page, so the first one may be of a moment of rest before the last sessions.
    """
    first = await scrape(world.admin_port)
    samples: Samples = {}

    async def rests() -> bool:
        nonlocal samples
        samples = await scrape(world.admin_port)
        world.counters.compare(samples)
        began, ended = (total(samples, name) for name in COUNTED)
        return samples != first and began == ended and not any(total(samples, name) for name in ACTIVE)

    try:
        await until(rests, seconds=REST)
    except AssertionError:
        numbers = {name: total(samples, name) for name in (*ACTIVE, *COUNTED)}
        world.ledger.violation(f"gauges did not return to zero, or not all that began has ended: {numbers}")
    return samples


def counts_agree(world: World, samples: Samples) -> None:
    """What the metrics count, what the log says and what the driver saw is the same. Ask after the end of the log."""
    ledger, log = world.ledger, world.log
    accepted = total(samples, "tidegate_listener_connections_total")
    closed = total(samples, "tidegate_connections_closed_total")
    dropped = total(samples, "tidegate_log_lines_dropped_total")
    missing = log.sessions_lost + log.lines_lost
    others = log.lines_lost if ledger.reasons["error"] else 0  # lines about bugs may be lost with those of sessions
    uncounted = ledger.connected - accepted
    without = ledger.without_line - missing
    if not 0 <= uncounted <= world.uncounted or not uncounted - others <= without <= uncounted + dropped:
        lines = f"{ledger.without_line} have no line, {missing} lines were lost, {dropped:.0f} dropped"
        ledger.violation(f"{ledger.connected} clients connected, {accepted:.0f} were counted, {lines}")
    if closed != accepted:
        ledger.violation(f"{accepted:.0f} sessions began, {closed:.0f} ended")
    if not closed - missing - dropped <= log.session_lines <= closed - missing + others:
        ledger.violation(f"{closed:.0f} sessions ended, {log.session_lines} lines, {missing} lost and {dropped:.0f} dropped")
    _reasons_agree(world, samples, all_logged=not missing and not dropped)


def backups_rest(world: World, samples: Samples) -> None:
    """A backup gets no session while nothing is done to the proxy and the others have room."""
    if world.disturbances or world.mix.rejects:
        return
    for backend, mark in zip(world.backends, world.mix.marks(len(world.backends)), strict=True):
        if "backup" in mark and (sessions := total(samples, "tidegate_backend_connections_total", backend=backend.name)):
            world.ledger.violation(f"{backend.name} is a backup, and got {sessions:.0f} sessions")


def _reasons_agree(world: World, samples: Samples, *, all_logged: bool) -> None:
    """Per pool the reasons of all ends, and per listener the limits that clients have met. No backend up is no limit."""
    rejections = _counted(samples, "tidegate_listener_rejected_total", "listener")
    for key in [key for key in rejections if key[1] == "no_backend"]:
        del rejections[key]
    for counted, logged in (
        (_counted(samples, "tidegate_connections_closed_total", "pool"), world.ledger.closed),
        (rejections, world.ledger.rejections),
    ):
        if counted != logged if all_logged else not logged <= counted:
            world.ledger.violation(f"reasons in the metrics {dict(counted)}, in the log {dict(logged)}")


def _counted(samples: Samples, metric: str, label: str) -> Counter[tuple[str, str]]:
    """A counter with a reason, by this label and the reason."""
    found: Counter[tuple[str, str]] = Counter()
    for (name, labels), value in samples.items():
        if name == metric and value:
            found[dict(labels)[label], dict(labels)["reason"]] += int(value)
    return found


def bytes_agree(world: World, samples: Samples) -> None:
    """The counters of bytes are the sum of the lines, and not below it where lines are missing."""
    ledger, log = world.ledger, world.log
    some_missing = log.sessions_lost or log.lines_lost or total(samples, "tidegate_log_lines_dropped_total")
    by_path = total(samples, "tidegate_relayed_bytes_total")
    logged = ledger.logged_sent + ledger.logged_received
    if by_path < logged or (by_path > logged and not some_missing):
        ledger.violation(f"{by_path:.0f} bytes in the metrics, {logged} in the log")


async def nothing_kept(world: World, before: list[Holdings]) -> None:
    """Descriptors and memory are as they were."""
    after: list[Holdings] = []

    def as_before() -> bool:
        nonlocal after
        after = world.holdings()
        return [process.descriptors for process in after] == [process.descriptors for process in before]

    try:
        await until(as_before, seconds=REST)
    except AssertionError:
        told = [
            f"{was.descriptors - now.descriptors} {now.descriptors - was.descriptors}"
            for was, now in zip(before, after, strict=False)
        ]
        world.ledger.violation(f"descriptors that are gone and that are new, by process: {told}")
    for number, (was, now) in enumerate(zip(before, after, strict=False)):
        if now.memory > was.memory + MORE_MEMORY:
            world.ledger.violation(f"process {number} had {was.memory >> 20} MiB, and has {now.memory >> 20}")
