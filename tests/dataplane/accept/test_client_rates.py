"""The rate of each client over all workers."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.network import Networks
from tidegate.dataplane.accept.client_rates import ClientRates
from tidegate.dataplane.accept.client_table import ClientTable
from tidegate.dataplane.report.counters import Counters
from tidegate.link.board import CLIENTS, Board, ClientCell

WORKERS = 2
BOARD = Board.create(WORKERS)  # writing zeros again is cheaper than a new one for each example
MICROSECOND = 1e-6


@pytest.fixture(autouse=True, scope="module")
def board() -> Iterator[None]:
    yield
    os.close(BOARD.descriptor)


def fresh(rate: float, burst: int) -> list[ClientRates]:
    """The rates of one listener in each worker, on an empty table."""
    rates = []
    for worker in range(WORKERS):
        BOARD.clear(worker, CLIENTS)
        table = ClientTable(Counters(BOARD, worker), 0)
        table.configure(Networks(ipv6_prefix=64))
        rates.append(ClientRates(table))
        rates[-1].configure(rate, burst)
    return rates


ARRIVALS = st.lists(st.tuples(st.floats(0, 3), st.integers(0, WORKERS - 1)), min_size=1, max_size=40)


@given(st.floats(0.1, 10_000), st.integers(1, 20), ARRIVALS)
def test_in_any_time_a_client_gets_at_most_its_burst_and_what_the_rate_gives(
    rate: float, burst: int, arrivals: list[tuple[float, int]]
) -> None:
    workers, now, passed = fresh(rate, burst), 1000.0, []
    for pause, worker in arrivals:
        now += pause / rate
        if workers[worker].take("10.0.0.1", now):
            passed.append(now)
    for first, start in enumerate(passed):
        for last in range(first, len(passed)):
            elapsed = passed[last] - start + (last - first + 2) * MICROSECOND  # each interval is cut to microseconds
            assert last - first + 1 <= burst + rate * elapsed + MICROSECOND


def test_a_client_that_keeps_to_its_rate_is_never_turned_away() -> None:
    workers = fresh(10.0, 1)
    assert all(workers[turn % WORKERS].take("10.0.0.1", 1000.0 + turn * 0.1001) for turn in range(100))


def test_clients_do_not_use_up_the_rate_of_each_other_and_a_network_of_ipv6_is_one() -> None:
    one, other = fresh(1.0, 1)
    assert [one.take(client, 1000.0) for client in ("10.0.0.1", "10.0.0.2", "2001:db8::1")] == [True] * 3
    assert [other.take(client, 1000.0) for client in ("10.0.0.1", "10.0.0.2", "2001:db8::2")] == [False] * 3


def test_without_a_rate_nobody_is_turned_away() -> None:
    one, _ = fresh(0.0, 1)
    assert all(one.take("10.0.0.1", 1000.0) for _ in range(100))


def test_clients_whose_bucket_is_full_again_do_not_use_the_table_up() -> None:
    one, _ = fresh(10.0, 1)
    for number in range(CLIENTS.capacity + 1000):
        assert one.take(str(number), 1000.0 + number)
    late = 1000.0 + CLIENTS.capacity + 1000
    assert [one.take("10.0.0.1", late) for _ in range(2)] == [True, False]


def test_who_finds_no_place_in_the_table_is_not_turned_away() -> None:
    one, _ = fresh(1.0, 1)
    for slot in range(CLIENTS.capacity):
        BOARD.cells[BOARD.base(0) + CLIENTS.cell(slot, ClientCell.KEY)] = 1
        BOARD.cells[BOARD.base(0) + CLIENTS.cell(slot, ClientCell.FULL_AT)] = 2_000_000_000
    assert all(one.take("10.0.0.1", 1000.0) for _ in range(3))
