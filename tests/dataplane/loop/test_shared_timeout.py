"""Dials that take too long, with one timer for all of them."""

from tidegate.dataplane.loop.poller import Poller
from tidegate.dataplane.loop.shared_timeout import SharedTimeout


class Dialler:
    """Ends the loop when it has been told often enough."""

    def __init__(self, poller: Poller, told: list["Dialler"], last: int) -> None:
        self._poller, self._told, self._last = poller, told, last

    def timed_out(self) -> None:
        """Note it."""
        self._told.append(self)
        if len(self._told) == self._last:
            self._poller.stop()

    def failed(self) -> None:
        """Not expected."""
        raise AssertionError


def test_dials_that_have_not_ended_time_out_in_the_order_they_began_and_each_once() -> None:
    poller = Poller(lambda: None)
    dials, told = SharedTimeout(poller), list[Dialler]()
    dials.configure(0.02)
    diallers = [Dialler(poller, told, 40) for _ in range(50)]
    for number, dialler in enumerate(diallers):
        dials.begin(dialler, number / 1e6)  # long ago
    for dialler in diallers[::5]:
        dials.end(dialler)
    poller.call_later(5, poller.stop)
    poller.run()
    assert told == [dialler for number, dialler in enumerate(diallers) if number % 5]


def test_a_shorter_timeout_holds_at_once_also_for_dials_under_way() -> None:
    poller = Poller(lambda: None)
    dials, told = SharedTimeout(poller), list[Dialler]()
    dials.configure(3600.0)
    dialler = Dialler(poller, told, 1)
    dials.begin(dialler, 0.0)
    dials.configure(0.01)
    poller.call_later(5, poller.stop)
    poller.run()
    assert told == [dialler]
