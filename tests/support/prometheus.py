"""A real Prometheus on loopback, configured by the file that is shipped, and promtool."""

import asyncio
import json
import math
import shutil
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import time
from typing import Any

import aiohttp
import pytest
import yaml

from tests.support.ports import free_port
from tests.support.servers import running
from tests.support.waiting import until

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
RULES = FOLDER / "rules" / "tidegate.yaml"
SCRAPE_INTERVAL = 0.5
LONGEST = 30.0

Labels = dict[str, str]
Sample = tuple[Labels, float]


def program(name: str) -> str:
    """Where a program of Debian's package is; the test fails when it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is not installed: apt-get install prometheus (see tests/support/system_packages.sh)")
    return found


async def promtool(*arguments: str | Path, given: bytes = b"") -> tuple[int, str]:
    """Run promtool to its end and return its exit code, and all that it says; `given` is its standard input."""
    process = await asyncio.create_subprocess_exec(
        program("promtool"), *map(str, arguments), stdin=PIPE, stdout=PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(LONGEST):
        said, _ = await process.communicate(given)
    assert process.returncode is not None
    return process.returncode, said.decode()


class QueryError(Exception):
    """What Prometheus says about a query that it refuses."""


class Prometheus:
    """A running one."""

    def __init__(self, port: int, http: aiohttp.ClientSession) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._http = http

    async def ready(self) -> bool:
        """Whether it answers."""
        try:
            async with self._http.get(f"{self._url}/-/ready") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def get(self, path: str, **parameters: str) -> Any:
        """The data that a route of its API answers with; raises QueryError when it answers with an error."""
        async with self._http.get(f"{self._url}/api/v1/{path}", params=parameters) as response:
            answer = await response.json()
        if answer["status"] != "success":
            raise QueryError(answer["error"])
        return answer["data"]

    async def query(self, expression: str) -> list[Sample]:
        """What an expression is now; samples that are no number are left out."""
        found = await self.get("query", query=expression)
        if found["resultType"] == "scalar":
            return [({}, float(found["result"][1]))]
        samples = [(series["metric"], float(series["value"][1])) for series in found["result"]]
        return [(labels, value) for labels, value in samples if not math.isnan(value)]

    async def query_range(self, expression: str, seconds: float = 30.0, step: float = 1.0) -> list[Sample]:
        """The last number of each series of an expression within the last seconds."""
        end = time()
        found = await self.get("query_range", query=expression, start=str(end - seconds), end=str(end), step=str(step))
        numbers = [
            (series["metric"], [float(value) for _, value in series["values"] if not math.isnan(float(value))])
            for series in found["result"]
        ]
        return [(labels, values[-1]) for labels, values in numbers if values]

    async def value(self, expression: str) -> float:
        """The one number that an expression is now."""
        ((_, value),) = await self.query(expression)
        return value

    async def label_values(self, label: str, selector: str) -> list[str]:
        """The values of a label among the series of a selector."""
        values = await self.get(f"label/{label}/values", **{"match[]": selector})
        assert isinstance(values, list)
        return values


def configuration(targets: Mapping[int, Labels]) -> dict[str, Any]:
    """The file that is shipped, for instances on these ports with these labels, and with a scrape every half second."""
    shipped: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    shipped["global"] = dict.fromkeys(("scrape_interval", "evaluation_interval"), f"{SCRAPE_INTERVAL * 1000:.0f}ms")
    shipped["rule_files"] = [str(FOLDER / pattern) for pattern in shipped["rule_files"]]
    (job,) = shipped["scrape_configs"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"], "labels": labels} for port, labels in targets.items()]
    return shipped


@asynccontextmanager
async def running_prometheus(folder: Path, targets: Mapping[int, Labels]) -> AsyncIterator[Prometheus]:
    """A Prometheus that scrapes these ports of 127.0.0.1, whose series get these labels, too."""
    (folder / "prometheus.yml").write_text(json.dumps(configuration(targets)))
    port = free_port()
    command: Sequence[str] = (
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    )
    log = folder / "prometheus.log"
    async with running(*command, log=log), aiohttp.ClientSession() as http:
        prometheus = Prometheus(port, http)

        async def is_ready() -> bool:
            return await prometheus.ready()

        try:
            await until(is_ready)
        except AssertionError:
            raise AssertionError(f"Prometheus does not start: {log.read_text()}") from None
        yield prometheus
