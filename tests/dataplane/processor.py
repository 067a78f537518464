"""How much processor time a worker uses while nothing should be going on."""

import asyncio

from tests.support.worker import Worker

QUIET = 0.15  # seconds of processor time in a second; a busy loop uses all of it


async def processor_time_of_a_second(worker: Worker) -> float:
    """Seconds of processor time that the worker uses in a second; the least of three, as the first may see it settle."""
    least = 1.0
    for _ in range(3):
        before = worker.cpu_seconds
        await asyncio.sleep(1)
        least = min(least, worker.cpu_seconds - before)
        if least < QUIET / 5:
            break
    return least
