"""The metrics of a listener: each number is the one that its name says."""

from collections.abc import Iterator

import pytest

from tests.support.options import listener_options
from tests.support.reports import by_label, count_distinctly, process_of
from tidegate.control.process import Process
from tidegate.control.workers.listening_sockets import BoundListener
from tidegate.link.board import LISTENERS, REJECTED_CELL, ListenerCell


@pytest.fixture
def process() -> Iterator[Process]:
    """Two listeners, one with a limit."""
    with process_of([]) as process:
        for name, most in (("web", 9), ("other", 0)):
            slot = process.totals.allocate(LISTENERS)
            process.listeners[name] = BoundListener(name, "chat", slot, listener_options(max_connections=most), [])
        yield process


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("tidegate_listener_connections_total", ListenerCell.TOTAL),
        ("tidegate_listener_connections_active", ListenerCell.ACTIVE),
        ("tidegate_listener_accept_pauses_total", ListenerCell.ACCEPT_PAUSES),
        ("tidegate_listener_rate_pauses_total", ListenerCell.RATE_PAUSES),
    ],
)
def test_each_number_of_all_workers_is_under_its_own_name(process: Process, name: str, cell: ListenerCell) -> None:
    numbers = count_distinctly(process, LISTENERS, process.listeners["web"].slot)
    assert by_label(process, name, "listener") == {"web": numbers[cell], "other": 0}


def test_clients_that_were_turned_away_are_counted_by_their_reason(process: Process) -> None:
    numbers = count_distinctly(process, LISTENERS, process.listeners["web"].slot)
    expected = {str(reason): numbers[cell] for reason, cell in REJECTED_CELL.items()}
    assert by_label(process, "tidegate_listener_rejected_total", "reason", listener="web") == expected


def test_only_a_listener_with_a_limit_has_one(process: Process) -> None:
    assert by_label(process, "tidegate_listener_connections_limit", "listener") == {"web": 9}
