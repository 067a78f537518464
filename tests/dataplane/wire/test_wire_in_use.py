"""Which wire a worker runs: what is tested must be what the target says."""

import os
from pathlib import Path

from tests.dataplane.route import route
from tests.support.compiled import COMPILED
from tests.support.worker import Worker

SANITIZED = "SANITIZED" in os.environ  # as in make test-sanitized


async def test_a_worker_runs_the_native_wire_when_compiled_and_the_sanitizers_when_asked_to(worker: Worker) -> None:
    async with route(worker) as way:
        await way.session()
        loaded = maps(worker)
    assert ("/dataplane/wire/native." in loaded) == COMPILED
    assert ("libasan.so" in loaded and "libubsan.so" in loaded) == SANITIZED


def maps(worker: Worker) -> str:
    return Path(f"/proc/{worker.process.pid}/maps").read_text()
