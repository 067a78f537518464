"""What the log says of each change of a pool."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.logs import captured_events
from tidegate.control.pools.change_log import log_changes
from tidegate.core.pools.backend import Backend, State
from tidegate.core.pools.snapshot import (
    BackendAdded,
    BackendAltered,
    BackendRemoved,
    Change,
    Member,
    PanicChanged,
    StateChanged,
)

ONE = Backend("web:80", "10.0.0.1", 80)
UP = Member(ONE, State.UP, 0.0)
UNRESOLVED = replace(UP, backend=replace(ONE, host=""), state=State.CHECKING)


def logged(change: Change | PanicChanged) -> dict[str, Any]:
    """The one event without its time."""
    with captured_events() as events:
        log_changes([change])
    (event,) = events
    del event["timestamp"]
    return event


def changed(previous: State, state: State, seconds: float | None = None) -> StateChanged:
    return StateChanged("chat", replace(UP, state=state), previous, "why", seconds)


@pytest.mark.parametrize(
    ("change", "event"),
    [
        (BackendAdded("chat", UP), {"event": "backend_added", "address": "10.0.0.1", "state": "up"}),
        (BackendAdded("chat", UNRESOLVED), {"event": "backend_added", "address": None, "state": "checking"}),
        (BackendAltered("chat", UP), {"event": "backend_altered", "address": "10.0.0.1"}),
        (BackendAltered("chat", UNRESOLVED), {"event": "backend_altered", "address": None}),
        (BackendRemoved("chat", UP), {"event": "backend_removed"}),
    ],
)
def test_a_backend_that_comes_changes_or_goes_is_told_with_its_address_if_it_has_one(
    change: Change, event: dict[str, Any]
) -> None:
    assert logged(change) == {"level": "info", "pool": "chat", "backend": "web:80", **event}


@pytest.mark.parametrize(
    ("previous", "state", "level", "event"),
    [
        (State.CHECKING, State.UP, "info", "backend_up"),
        (State.DOWN, State.UP, "info", "backend_up"),
        (State.EJECTED, State.UP, "info", "backend_restored"),
        (State.UP, State.EJECTED, "warning", "backend_ejected"),
        (State.UP, State.DOWN, "warning", "backend_down"),
        (State.EJECTED, State.DOWN, "warning", "backend_down"),
        (State.UP, State.DRAINING, "info", "backend_draining"),
    ],
)
def test_a_change_of_state_has_a_name_and_is_a_warning_if_nobody_has_asked_for_it(
    previous: State, state: State, level: str, event: str
) -> None:
    line = logged(changed(previous, state))
    assert line == {
        "level": level, "event": event, "pool": "chat", "previous": previous.value, "reason": "why", "backend": "web:80",
    }  # fmt: skip


def test_an_ejection_is_told_with_its_seconds() -> None:
    assert logged(changed(State.UP, State.EJECTED, 30.00049))["seconds"] == 30.0
    assert logged(changed(State.UP, State.EJECTED, 0.0006))["seconds"] == 0.001


def test_a_pod_is_told_with_its_node_and_zone() -> None:
    pod = replace(UP, backend=replace(ONE, pod="web-1", node="node-1"))
    line = logged(BackendRemoved("chat", pod))
    assert (line["pod"], line["node"], "zone" in line) == ("web-1", "node-1", False)
    assert logged(BackendRemoved("chat", replace(pod, backend=replace(pod.backend, zone="a"))))["zone"] == "a"


def test_the_begin_of_a_panic_is_a_warning_and_its_end_is_not() -> None:
    reason = "1 of 4 backends are up"
    begin, end = (logged(PanicChanged("chat", panic, 1, 4)) for panic in (True, False))
    assert begin == {"level": "warning", "event": "pool_panic_started", "pool": "chat", "reason": reason}
    assert end == {"level": "info", "event": "pool_panic_ended", "pool": "chat", "reason": reason}
