"""Both modules of the wire, for tests of what they have in common."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.dataplane.wire.bench import Bench
from tests.dataplane.wire.wires import WIRES


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> Any:
    """A module of the wire, its types unchecked: what is called wrongly would not pass mypy."""
    return WIRES[request.param]


@pytest.fixture
def bench(wire: Any) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(wire, stack)
