"""Both modules of the wire, for tests of what they have in common."""

import importlib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.dataplane.wire.bench import Bench
from tests.support.compiled import COMPILED

NATIVE = pytest.mark.skipif(not COMPILED, reason="make test-compiled and make test-sanitized have the native wire")


@pytest.fixture(params=["plain", pytest.param("native", marks=NATIVE)])
def wire(request: pytest.FixtureRequest) -> Any:
    """A module of the wire, its types unchecked: what is called wrongly would not pass mypy."""
    return importlib.import_module(f"tidegate.dataplane.wire.{request.param}")


@pytest.fixture
def bench(wire: Any) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(wire, stack)
