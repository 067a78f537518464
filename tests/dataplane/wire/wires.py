"""The modules that have the interface of the wire: the plain one, and the native one where it is compiled."""

from types import ModuleType

import pytest

from tests.support.compiled import COMPILED
from tidegate.dataplane.wire import plain


def _all() -> dict[str, ModuleType]:
    if not COMPILED:
        return {"plain": plain}
    from tidegate.dataplane.wire import native  # type: ignore[attr-defined]  # noqa: PLC0415

    return {"plain": plain, "native": native}


WIRES = _all()
compared = pytest.mark.skipif(not COMPILED, reason="make test-compiled compares the wires")
