"""What is watched all the time: that control answers, and that no counter goes backwards."""

import asyncio
import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.faults.ledger import Ledger
from tests.support.proxy import Samples

EVERY: Final = 0.2  # seconds between two questions of `/healthz`
MOST: Final = 1.0  # seconds until it has answered
SERIES_RETURN: Final = 5.0  # seconds between two scrapes of which one may still be of before
COUNTERS: Final = ("_total", "_count", "_bucket", "_sum")


class HealthWatch:
    """Asks `/healthz` from a thread of its own, so that a busy driver is not taken for a slow proxy."""

    def __init__(self, port: int, violation: Callable[[str], None]) -> None:
        self._port, self._violation = port, violation
        self._over = threading.Event()
        self._excused = 0
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
        try:
            yield
        finally:
            self._excused -= 1

    def _watch(self) -> None:
        while not self._over.wait(EVERY):
            excused, began = self._excused, monotonic()
            answer = _healthz(self._port)
            took = monotonic() - began
            if excused or self._excused:
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
        text = await response.text()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


CLOSE: Final = {"Connection": "close"}  # so that control keeps no descriptor for the watcher


class CounterWatch:
    """Reads the metrics again and again; a series that is there twice in a row must not have gone down."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._before: Samples = {}
        self._left: dict[str, float] = {}

    def compare(self, samples: Samples) -> None:
        """The next samples of the same proxy."""
        for key, value in self._before.items():
            if key[0].endswith(COUNTERS) and samples.get(key, value) < value and not self._has_left(key):
                self._ledger.violation(f"a counter went backwards: {key} from {value} to {samples[key]}")
        self._before = samples

    def left(self, backend: str) -> None:
        """A backend has gone, with its series; should it come back, they begin anew."""
        self._left[backend] = monotonic()

    def _has_left(self, key: tuple[str, frozenset[tuple[str, str]]]) -> bool:
        left = self._left.get(dict(key[1]).get("backend", ""))
        return left is not None and monotonic() - left < SERIES_RETURN

    def forget(self) -> None:
        """Another process answers from now on."""
        self._before = {}

    async def watch(self, port: int) -> None:
        """Compare for ever, once a second."""
        while True:
            try:
                self.compare(await scrape(port))
            except (aiohttp.ClientError, TimeoutError):
                self.forget()
            await asyncio.sleep(1)
