"""The shape of a status, as far as the tables need it: an instance of another version may have another one."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

Shape: TypeAlias = "Callable[[object], bool] | Mapping[str, Shape] | Sequence[Shape]"
"""A test of a single value, the shapes of some fields of an object, or the shape of each item of a list."""


def fits(status: object) -> bool:
    """Whether a status has all fields that the tables show, and of the right types."""
    return _fits(status, _STATUS)


def _fits(value: object, shape: Shape) -> bool:
    match shape:
        case Mapping():
            return isinstance(value, dict) and all(key in value and _fits(value[key], below) for key, below in shape.items())
        case [item]:
            return isinstance(value, list) and all(_fits(each, item) for each in value)
        case _:
            assert callable(shape)
            return shape(value)


def _text(value: object) -> bool:
    return isinstance(value, str)


def _text_or_none(value: object) -> bool:
    return value is None or isinstance(value, str)


def _number(value: object) -> bool:
    return isinstance(value, int | float)


def _time(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


_BACKEND: Shape = {
    "name": _text,
    "state": _text,
    "since": _time,
    "weight": _number,
    "backup": _number,
    "connections_active": _number,
    "connections_total": _number,
    "connect_failures_total": _number,
    "sent_bytes_total": _number,
    "received_bytes_total": _number,
    "health": {"type": _text, "successes": _number, "failures": _number, "last_result": _text_or_none},
}
_POOL: Shape = {
    "name": _text,
    "balance": _text,
    "panic": _number,
    "discovery": {"source": _text, "synced": _number, "reason": _text_or_none},
    "backends": [_BACKEND],
}
_LISTENER: Shape = {
    "name": _text,
    "bind": _text,
    "pool": _text,
    "connections_active": _number,
    "connections_total": _number,
    "rejected_total": _number,
}
_STATUS: Shape = {
    "version": _text,
    "state": _text,
    "uptime_seconds": _number,
    "workers": [{"connections_active": _number, "restarts": _number}],
    "listeners": [_LISTENER],
    "pools": [_POOL],
}
