"""The events that code logs in the process of a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tidegate.control.log import event_log


@contextmanager
def captured_events() -> Iterator[list[dict[str, Any]]]:
    """All events that are logged meanwhile, whatever their level."""
    events: list[dict[str, Any]] = []
    before = event_log.sink, event_log.least
    event_log.sink, event_log.least = events.append, 0
    try:
        yield events
    finally:
        event_log.sink, event_log.least = before
