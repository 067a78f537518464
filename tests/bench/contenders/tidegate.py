"""Tidegate as it comes, with health checks only where the work is about them: iperf3 would take one for a client."""

import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.request import urlopen

from tests.bench.contenders.target import Job, Target, proxy
from tests.bench.processes import wait_for_page
from tests.support.ports import free_ports

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
    checks = {
        "TIDEGATE_HEALTH__PORT": str(job.probe_port),
        "TIDEGATE_HEALTH__INTERVAL": job.probe_interval,
        "TIDEGATE_HEALTH__TIMEOUT": job.probe_interval,
        "TIDEGATE_HEALTH__RISE": "1",
        "TIDEGATE_HEALTH__FALL": "1",
    }
    settings = {
        "TIDEGATE_LISTEN": f"127.0.0.1:{port}",
        "TIDEGATE_ADMIN": f"127.0.0.1:{admin}",
        **_backends(folder, job.backends),
        "TIDEGATE_WORKERS": str(job.workers),
        "TIDEGATE_DRAIN__GRACE": "1s",
        **(checks if job.probe_port else {"TIDEGATE_HEALTH__TYPE": "none"}),
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    log = folder / "tidegate.log"
    with proxy([sys.executable, "-m", "tidegate", "run"], log, port, environment | settings) as pid:
        url = f"http://127.0.0.1:{admin}"
        wait_for_page(f"{url}/readyz", log)
        yield Tidegate(port, pid, url)


def _backends(folder: Path, backends: Sequence[str]) -> dict[str, str]:
    """The setting, in a file where a variable would be longer than the system allows."""
    if len(backends) <= MOST_IN_A_VARIABLE:
        return {"TIDEGATE_BACKENDS": ",".join(backends)}
    config = folder / "tidegate.yaml"
    config.write_text("\n".join(["backends:", *(f"  - {backend}" for backend in backends), ""]))
    return {"TIDEGATE_CONFIG_FILE": str(config)}
