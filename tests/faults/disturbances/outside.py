"""What is around the proxy fails: the reader of its log, the disk, the clock."""

import asyncio
import errno
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import ClassVar, Final

from tests.faults.disturbances.disturbance import Disturbance
from tests.faults.watch import scrape
from tests.faults.world import World
from tests.support.proxy import total
from tests.support.waiting import until

WHILE: Final = (0.5, 6.0)  # seconds
LONG: Final = (1.0, 20.0, 20.0)  # seconds; 4 MiB of lines wait in each process before any is dropped
IN_PIPE: Final = 200  # lines of sessions, at most; with more, some wait in the proxy
NEXT_LOOK: Final = 0.5  # seconds
DISK: Final = "size=4m"
JUMPS: Final = ("+1h", "-1h", "+400d", "-2d", "+0.5s", "-0.5s")
FAKETIME: Final = tuple(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


class StoppedReader(Disturbance):
    """Nobody reads the log: the proxy goes on, and counts what it drops."""

    name = "stopped reader of the log"
    signs: ClassVar = frozenset({"waiting lines"})

    async def strike(self, world: World) -> None:
        """Until lines are dropped, if that is soon."""
        world.output.pause()
        await _let_lines_wait(world)
        world.output.resume()


class FullDisk(Disturbance):
    """The log goes to a disk that is full: the proxy goes on, and no line is torn."""

    name = "full disk"
    signs: ClassVar = frozenset({"waiting lines"})

    @classmethod
    def missing(cls) -> str:
        """Who is not root cannot make a disk."""
        return "" if os.geteuid() == 0 else "root, for a small disk"

    @asynccontextmanager
    async def prepared(self, folder: Path) -> AsyncIterator[None]:
        """A small disk of its own."""
        self.disk = folder / "disk"
        self.disk.mkdir()
        await _run("mount", "-t", "tmpfs", "-o", DISK, "tmpfs", str(self.disk))
        try:
            yield
        finally:
            await _run("umount", "--lazy", str(self.disk))

    async def strike(self, world: World) -> None:
        """Until lines are dropped, if that is soon. The reader stops, too, because it gives back what it has read."""
        assert self.disk is not None
        filler = self.disk / "filler"
        world.output.pause()
        _fill(filler)
        await _let_lines_wait(world)
        filler.unlink()
        world.output.resume()


class JumpingClock(Disturbance):
    """The time of day jumps, as when a machine wakes up or its clock is set; the monotonic clock does not."""

    name = "jumping clock"
    signs: ClassVar = frozenset({"clock off"})

    @classmethod
    def missing(cls) -> str:
        """Debian's package `faketime` has it."""
        return "" if FAKETIME else "libfaketime"

    @asynccontextmanager
    async def prepared(self, folder: Path) -> AsyncIterator[None]:
        """A library between the proxy and its clock, which reads from a file how far the clock is off."""
        (library,) = FAKETIME
        self._offset = folder / "clock"
        self._offset.write_text("+0")
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        yield

    async def strike(self, world: World) -> None:
        """There, and after a moment back; the log must show it, or nothing was done."""
        jump = random.choice(JUMPS)
        self._offset.write_text(jump)
        await asyncio.sleep(random.uniform(*WHILE))
        if jump.endswith(("h", "d")):
            await until(world.log.clock_is_off)
            world.noticed["clock off"] += 1
        self._offset.write_text("+0")


async def _let_lines_wait(world: World) -> None:
    """Wait until more lines have been dropped than now, but not for long: a few sessions have few lines."""
    before, end = await _dropped(world), monotonic() + random.choice(LONG)
    while monotonic() < end and await _dropped(world) <= before:  # noqa: ASYNC110  a counter tells only who asks
        await asyncio.sleep(NEXT_LOOK)
    if world.ledger.due_lines > IN_PIPE:
        world.noticed["waiting lines"] += 1


async def _dropped(world: World) -> float:
    return total(await scrape(world.admin_port), "tidegate_log_lines_dropped_total")


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0, command


def _fill(path: Path) -> None:
    """Write until the disk is full."""
    block = bytes(1 << 16)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while block:
            try:
                os.write(descriptor, block)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                block = block[: len(block) // 2]
    finally:
        os.close(descriptor)
