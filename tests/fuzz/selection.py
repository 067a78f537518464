"""Chooses the inputs that are worth keeping: few and short ones that run as much of Tidegate's code as all of them."""

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, TypeAlias

import tidegate
from tests.fuzz.registry import Target

Edge: TypeAlias = tuple[CodeType, int, int]
"""A step from one line to another line of a function."""

_SOURCES = str(Path(tidegate.__file__).parent)


def edges_of(target: Target, data: bytes) -> frozenset[Edge]:
    """The steps within Tidegate's code that this input causes. The input may make the target fail."""
    edges: set[Edge] = set()
    before = sys.gettrace()
    sys.settrace(_tracer(edges))
    try:
        target(data)
    except Exception:  # noqa: BLE001  what fails is kept for other reasons
        return frozenset()
    finally:
        sys.settrace(before)
    return frozenset(edges)


def worth_keeping(known: Iterable[frozenset[Edge]], found: Mapping[str, frozenset[Edge]], most: int) -> list[str]:
    """At most so many names of found inputs, each of which adds the most edges to those before it."""
    covered = set[Edge]().union(*known)
    left, chosen = dict(found), list[str]()
    while left and len(chosen) < most:
        best = max(left, key=lambda name: len(left[name] - covered))
        if not left[best] - covered:
            break
        covered |= left.pop(best)
        chosen.append(best)
    return chosen


def _tracer(edges: set[Edge]) -> Callable[[FrameType, str, Any], Any]:
    def begin(frame: FrameType, _event: str, _argument: object) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(_SOURCES):
            return None
        line = 0

        def step(frame: FrameType, _event: str, _argument: object) -> Any:
            nonlocal line
            edges.add((code, line, frame.f_lineno))
            line = frame.f_lineno
            return step

        return step

    return begin
