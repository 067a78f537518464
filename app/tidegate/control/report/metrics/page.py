"""The page of all metrics: reads them in slices, so that the event loop stays free, and formats them as the request asks."""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client import Metric as PrometheusMetric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from tidegate.control.process import Process
from tidegate.control.report.metrics import of_backends, of_listeners, of_pools, of_process
from tidegate.control.report.metrics.metric import Labels, Metric
from tidegate.control.report.rendering import in_slices
from tidegate.control.report.views import PoolView

S = TypeVar("S")
T = TypeVar("T")

TOGETHER = 32
"""Subjects that are read together, in far less time than a slice."""

LONG = 64 * 1024
"""A text of at least this many bytes is a separate chunk, shared by both formats; shorter ones are joined."""


class LastRead(Collector):
    """What the system knows of the process; while no descriptor is left to read it, what was read last."""

    def __init__(self) -> None:
        self._now = ProcessCollector(registry=None)
        self._last: dict[str, PrometheusMetric] = {}

    def collect(self) -> Iterable[PrometheusMetric]:
        """Of each metric the latest that could be read."""
        self._last |= {metric.name: metric for metric in self._now.collect()}
        return self._last.values()


_own_process = CollectorRegistry()
_own_process.register(LastRead())


class Format(Enum):
    """The formats; the values are their content types."""

    TEXT = CONTENT_TYPE_PLAIN_0_0_4
    OPENMETRICS = openmetrics.CONTENT_TYPE_LATEST

    @classmethod
    def asked_for(cls, accept: str) -> "Format":
        """The format for an `Accept` header: plain text unless it names OpenMetrics."""
        kinds = {kind.partition(";")[0].strip() for kind in accept.split(",")}
        return cls.OPENMETRICS if "application/openmetrics-text" in kinds else cls.TEXT


class Family(NamedTuple):
    """A metric and all its samples as text."""

    metric: Metric[Any]
    samples: bytes


class Section(NamedTuple, Generic[S]):
    """The metrics of one kind of subject, the names of their labels, and the subjects."""

    metrics: Sequence[Metric[S]]
    labels: Sequence[str]
    subjects: Iterable[tuple[Labels, S]]

    async def read(self) -> list[Family]:
        """Read all samples; each subject is read once."""
        texts: list[list[bytes]] = [[] for _ in self.metrics]
        columns = list(zip(self.metrics, texts, strict=True))
        async for some in in_slices(_groups(self.subjects)):
            for metric, text in columns:
                text.append(metric.samples(some).encode())
        return [Family(metric, b"".join(text)) async for metric, text in in_slices(columns)]


class Page:
    """All samples of one reading."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families
        self._processes_own = {
            Format.TEXT: generate_latest(_own_process),
            Format.OPENMETRICS: openmetrics.generate_latest(_own_process),  # type: ignore[no-untyped-call]
        }
        self._written: dict[Format, list[bytes]] = {}

    def chunks(self, wanted: Format) -> list[bytes]:
        """The page in this format, in chunks that all answers share."""
        if wanted not in self._written:
            self._written[wanted] = list(_joined(self._texts(wanted)))
        return self._written[wanted]

    def _texts(self, wanted: Format) -> Iterator[bytes]:
        for metric, samples in self._families:
            yield _head(metric, wanted)
            yield samples
        yield self._processes_own[wanted]  # comes last, because OpenMetrics ends with its `# EOF`


def sections(process: Process) -> list[Section[Any]]:
    """All metrics and their subjects. The states of backends are those of this moment."""
    totals = process.totals
    pools = [PoolView(pool) for pool in process.pools.values()]
    build = Labels.of(of_process.BUILD_LABELS, of_process.BUILD)
    return [
        Section(of_process.BUILD_METRICS, of_process.BUILD_LABELS, ((build, process),)),
        Section(of_process.METRICS, (), ((Labels.of((), ()), process),)),
        Section(of_listeners.METRICS, of_listeners.LABELS, of_listeners.listeners(process)),
        Section(of_pools.METRICS, of_pools.LABELS, of_pools.pools(pools, totals)),
        Section(of_backends.METRICS, of_backends.LABELS, of_backends.backends(pools, totals)),
    ]


async def read_page(process: Process) -> Page:
    """Read all metrics, in slices."""
    return Page([family for section in sections(process) for family in await section.read()])


def _groups(subjects: Iterable[T]) -> Iterator[Sequence[T]]:
    rest = iter(subjects)
    while some := tuple(islice(rest, TOGETHER)):
        yield some


def _head(metric: Metric[Any], wanted: Format) -> bytes:
    is_counter = wanted is Format.OPENMETRICS and metric.type == "counter"
    name = metric.name.removesuffix("_total") if is_counter else metric.name
    return f"# HELP {name} {metric.help}\n# TYPE {name} {metric.type}\n".encode()


def _joined(texts: Iterable[bytes]) -> Iterator[bytes]:
    """Join short texts; long ones stay as they are. The bytes are the same."""
    short: list[bytes] = []
    for text in texts:
        if len(text) < LONG:
            short.append(text)
        else:
            yield b"".join(short)
            short.clear()
            yield text
    yield b"".join(short)
