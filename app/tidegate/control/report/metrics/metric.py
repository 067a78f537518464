"""A metric: name, type, help text, and a function that reads its samples from a subject (like a backend or a pool)."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

from prometheus_client.utils import floatToGoString

S = TypeVar("S")

Type = Literal["gauge", "counter", "histogram"]


class Labels(NamedTuple):
    """The labels of a subject as text: `alone` is complete, `begun` is for one more label."""

    alone: str
    begun: str

    @classmethod
    def of(cls, names: Sequence[str], values: Sequence[str]) -> "Labels":
        """The labels with these names and values; values are escaped."""
        labels = cls("", "{")
        for name, value in zip(names, values, strict=True):
            labels = labels.further(name, value)
        return labels

    def further(self, name: str, value: str) -> "Labels":
        """These labels and one more; its value is escaped."""
        pairs = f'{self.begun}{name}="{_escaped(value)}"'
        return Labels(pairs + "}", pairs + ",")


Rows = Sequence[tuple[Labels, S]]
"""Subjects with their labels. A metric writes many at a time: a call for each would cost more than its lines."""


@dataclass(frozen=True, slots=True)
class Metric(ABC, Generic[S]):
    """One metric of a kind of subject; a counter's name ends in `_total`."""

    name: str
    type: Type
    help: str

    @property
    def own_labels(self) -> tuple[str, ...]:
        """The names of its labels besides those of its subject, for the documentation."""
        return ()

    @abstractmethod
    def samples(self, subjects: Rows[S]) -> str:
        """The lines of its samples for these subjects; empty if there are none."""


@dataclass(frozen=True, slots=True)
class Single(Metric[S]):
    """At most one sample for a subject: none if `read` returns None."""

    read: Callable[[S], float | None]

    def samples(self, subjects: Rows[S]) -> str:
        """See Metric."""
        name, read = self.name, self.read
        return "".join(
            [f"{name}{labels.alone} {value}\n" for labels, subject in subjects if (value := read(subject)) is not None]
        )


@dataclass(frozen=True, slots=True)
class ByLabel(Metric[S]):
    """A sample for each value of one more label. The values are from our own enums and need no escapes."""

    label: str
    read: Callable[[S], Iterable[tuple[str, float]]]

    @property
    def own_labels(self) -> tuple[str, ...]:
        """See Metric."""
        return (self.label,)

    def samples(self, subjects: Rows[S]) -> str:
        """See Metric."""
        name, label, read = self.name, self.label, self.read
        return "".join(
            [
                f'{name}{labels.begun}{label}="{word}"}} {value}\n'
                for labels, subject in subjects
                for word, value in read(subject)
            ]
        )


@dataclass(frozen=True, slots=True)
class Histogram(Metric[S]):
    """Durations in seconds by bucket. `read` returns the count of each bucket (the last: above all bounds), and the sum."""

    bounds: tuple[float, ...]
    read: Callable[[S], tuple[Sequence[int], float]]

    def samples(self, subjects: Rows[S]) -> str:
        """See Metric."""
        return "".join([self._samples(labels, subject) for labels, subject in subjects])

    def _samples(self, labels: Labels, subject: S) -> str:
        counts, total = self.read(subject)
        bounds = (*map(floatToGoString, self.bounds), "+Inf")
        buckets = [
            f'{self.name}_bucket{labels.begun}le="{bound}"}} {count}\n'
            for bound, count in zip(bounds, accumulate(counts), strict=True)
        ]
        count = f"{self.name}_count{labels.alone} {sum(counts)}\n"
        return "".join((*buckets, count, f"{self.name}_sum{labels.alone} {total}\n"))


class HasCells(Protocol):
    """A subject with numbers from the stats board, over all workers."""

    @property
    def cells(self) -> Sequence[int]:
        """The numbers of its slot on the stats board."""


def cell(field: int) -> Callable[[HasCells], int]:
    """A reader of one number, for `Single`."""
    position = int(field)
    return lambda subject: subject.cells[position]


def cells(words: Iterable[tuple[str, int]]) -> Callable[[HasCells], Iterable[tuple[str, int]]]:
    """A reader of a number for each word, for `ByLabel`."""
    names, fields = zip(*words, strict=True)
    several = itemgetter(*map(int, fields))  # of at least two, so that it returns a tuple
    texts = tuple(map(str, names))
    return lambda subject: zip(texts, several(subject.cells), strict=True)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
