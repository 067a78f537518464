"""Slow starts of a pool: who is in one, and with what weight."""

from time import monotonic

from tidegate.control.pools.warming import Warming
from tidegate.core.pools.backend import Backend, State
from tidegate.core.pools.snapshot import Member, StateChanged

ONE = Backend("10.0.0.1:80", "10.0.0.1", 80, weight=10)


def came_up(warming: Warming) -> None:
    """It was down before."""
    warming.follow([StateChanged("chat", Member(ONE, State.UP, 0.0), State.DOWN, "ok")], settled=True)


def test_another_duration_holds_for_slow_starts_that_have_begun() -> None:
    warming = Warming(60.0)
    came_up(warming)
    warming.since[ONE.name] = monotonic() - 30
    assert warming.weight(ONE) == 5.5
    warming.configure(30.0)
    assert warming.weight(ONE) == 10
    warming.configure(300.0)
    assert warming.weight(ONE) == 1.5


def test_slow_starts_end_when_they_are_switched_off_and_begin_once_they_are_switched_on() -> None:
    warming = Warming(60.0)
    came_up(warming)
    warming.configure(0.0)
    assert (warming.since, warming.weight(ONE)) == ({}, 10)
    came_up(warming)
    assert warming.since == {}
    warming.configure(60.0)
    came_up(warming)
    assert list(warming.since) == [ONE.name]
