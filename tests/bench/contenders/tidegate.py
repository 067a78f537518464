"""Tidegate as it comes, with health checks only where the work is about them: iperf3 would take one for a client."""

import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.request import urlopen

from tests.bench.contenders.target import Job, Target, proxy
from tests.bench.processes import wait_for_page
from tests.support.ports import free_ports
from tidegate.settings.parts.pool import MOST_BACKENDS

MOST_IN_A_VARIABLE = 1000


class Tidegate(Target):
    """Tidegate as it runs."""

    def backends_changed(self, seconds: float) -> int:
        """As its metrics say."""
        moments = self._values(r"tidegate_backend_last_transition_timestamp_seconds\{.*\}")
        return sum(moment > time.time() - seconds for moment in moments)

    def log_lines_lost(self) -> float:
        """What found the pipe to the log full."""
        return sum(self._values("tidegate_log_lines_dropped_total"))

    def _values(self, metric: str) -> list[float]:
        with urlopen(self.admin_url + "/metrics", timeout=10) as answer:
            return [float(value) for value in re.findall(rf"(?m)^{metric} (\S+)$", answer.read().decode())]


def run_tidegate(folder: Path, job: Job) -> Iterator[Target]:
    """Run it, until it is ready."""
    port, admin = free_ports(2)
    settings = {
        "TIDEGATE_LISTEN": f"127.0.0.1:{port}",
        "TIDEGATE_ADMIN": f"127.0.0.1:{admin}",
        **_pools(folder, job),
        "TIDEGATE_WORKERS": str(job.workers),
        "TIDEGATE_DRAIN__GRACE": "1s",
        **({"TIDEGATE_PROXY_PROTOCOL__FROM": "127.0.0.0/8"} if job.proxy_headers else {}),
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    log = folder / "tidegate.log"
    with proxy([sys.executable, "-m", "tidegate", "run"], log, port, environment | settings) as pid:
        url = f"http://127.0.0.1:{admin}"
        wait_for_page(f"{url}/readyz", log)
        yield Tidegate(port, pid, url)


def _pools(folder: Path, job: Job) -> dict[str, str]:
    """The settings of a pool, in a file where a variable would be longer than the system allows; and of further pools, each
    with a listener of its own, where there are more backends than one may have."""
    first, health = job.backends[:MOST_BACKENDS], _health(job)
    settings = {f"TIDEGATE_HEALTH__{name.upper()}": str(value) for name, value in health.items()}
    if len(first) <= MOST_IN_A_VARIABLE:
        return settings | {"TIDEGATE_BACKENDS": ",".join(first)}
    further = [
        job.backends[start : start + MOST_BACKENDS] for start in range(MOST_BACKENDS, len(job.backends), MOST_BACKENDS)
    ]
    ports = free_ports(len(further))
    document = {
        "backends": first,
        "pools": {f"pool{port}": {"backends": more, "health": health} for port, more in zip(ports, further, strict=True)},
        "listeners": {f"pool{port}": {"bind": f"127.0.0.1:{port}", "pool": f"pool{port}"} for port in ports},
    }
    config = folder / "tidegate.yaml"
    config.write_text(json.dumps({key: value for key, value in document.items() if value}), encoding="utf-8")
    return settings | {"TIDEGATE_CONFIG_FILE": str(config)}


def _health(job: Job) -> Mapping[str, str | int]:
    if not job.probe_port:
        return {"type": "none"}
    times = dict.fromkeys(("interval", "timeout"), job.probe_interval)
    return {"port": job.probe_port, "rise": 1, "fall": 1, **times}
