"""What is watched all the time: that control answers, and that no counter goes backwards."""

import asyncio
import http.client
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.faults.evidence import evidence
from tests.faults.ledger import Ledger
from tests.support.proxy import Samples

EVERY: Final = 0.2  # seconds between two questions of `/healthz`
MOST: Final = 1.0  # seconds until it has answered
MOST_LATE: Final = 0.5  # seconds; if this process does not get to run for longer, the machine is too busy to judge
SERIES_RETURN: Final = 5.0  # seconds between two scrapes of which one may still be of before
CLOSE: Final = {"Connection": "close"}  # so that control keeps no descriptor for the watcher
COUNTERS: Final = ("_total", "_count", "_bucket", "_sum")


class HealthWatch:
    """Asks `/healthz` from a thread of its own, so that a busy driver is not taken for a slow proxy."""

    def __init__(self, port: int, violation: Callable[[str], None]) -> None:
        self._port, self._violation = port, violation
        self._over = threading.Event()
        self._excused = self._blocks = 0  # blocks now, and ever
        self.worst = 0.0
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ask until the end of the block."""
        self._thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._thread.join()

    @contextmanager
    def excused(self) -> Iterator[None]:
        """Control cannot answer in this block."""
        self._excused += 1
        self._blocks += 1
        try:
            yield
        finally:
            self._excused -= 1

    def _watch(self) -> None:
        due = monotonic() + EVERY
        while not self._over.wait(EVERY):
            late = monotonic() - due
            excused, blocks, began = self._excused, self._blocks, monotonic()
            answer = _healthz(self._port)
            took = monotonic() - began
            due = monotonic() + EVERY
            if excused or blocks != self._blocks or late > MOST_LATE:
                continue
            self.worst = max(self.worst, took)
            if answer != "200" or took > MOST:
                self._violation(f"/healthz: {answer} after {took:.2f} s")


def _healthz(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5, source_address=("127.0.2.1", 0))
    try:
        connection.request("GET", "/healthz", headers={"Connection": "close"})
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()


async def scrape(port: int) -> Samples:
    """Every sample of `/metrics`, by its name and labels."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics", headers=CLOSE) as response,
    ):
        response.raise_for_status()
        text = await response.text()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class CounterWatch:
    """Reads the metrics again and again; a series that is there twice in a row must not have gone down."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._before: Samples = {}
        self._left: dict[str, float] = {}
        self._earlier: Counter[str] = Counter()

    def compare(self, samples: Samples) -> None:
        """The next samples of the same proxy."""
        for key, value in self._before.items():
            after = samples.get(key, -1.0 if "backend" not in dict(key[1]) else value)
            if key[0].endswith(COUNTERS) and after < value and not self._has_left(key):
                self._ledger.violation(f"a counter went backwards, or is gone: {key} from {value} to {after}")
        self._before = samples

    def left(self, backend: str) -> None:
        """A backend has gone, with its series; should it come back, they begin anew."""
        self._left[backend] = monotonic()

    def _has_left(self, key: tuple[str, frozenset[tuple[str, str]]]) -> bool:
        left = self._left.get(dict(key[1]).get("backend", ""))
        return left is not None and monotonic() - left < SERIES_RETURN

    def forget(self) -> None:
        """Another process answers from now on."""
        self._earlier += evidence(self._before)
        self._before = {}

    @property
    def evidence(self) -> Counter[str]:
        """What happened to all processes, as far as their metrics told it."""
        return self._earlier + evidence(self._before)

    async def watch(self, port: int) -> None:
        """Compare for ever, once a second."""
        while True:
            with suppress(aiohttp.ClientConnectionError, TimeoutError):  # control may stand still, or be another one soon
                self.compare(await scrape(port))
            await asyncio.sleep(1)
