"""The proxies, each in the best configuration its manual knows for this work, with its access log on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.contenders.haproxy import run_haproxy
from tests.bench.contenders.nginx import run_nginx, run_nginx_half_close
from tests.bench.contenders.target import Job, Target
from tests.bench.contenders.tidegate import run_tidegate

OURS = "tidegate"
PEERS = ("nginx", "haproxy")
HALF_CLOSE = "nginx, half-close"  # does not count as a peer; it is measured where sessions end

CONTENDERS = {"nginx": run_nginx, HALF_CLOSE: run_nginx_half_close, "haproxy": run_haproxy, OURS: run_tidegate}


@contextmanager
def contender(name: str, folder: Path, job: Job) -> Iterator[Target]:
    """Run one of the proxies."""
    yield from CONTENDERS[name](folder, job)
