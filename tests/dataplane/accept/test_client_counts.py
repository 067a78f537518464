"""The table that counts connections of each client over all workers."""

import os
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.network import Networks
from tidegate.dataplane.accept.client_counts import ClientCounts
from tidegate.dataplane.accept.client_table import ClientTable
from tidegate.dataplane.report.counters import Counters
from tidegate.link.board import CLIENTS, Board, ClientCell

WORKERS = 2
MOST = 3
NOW = 1000.0
BY_NETWORK = Networks(ipv6_prefix=64)
BOARD = Board.create(WORKERS)  # writing zeros again is cheaper than a new one for each example


@pytest.fixture(autouse=True, scope="module")
def board() -> Iterator[None]:
    yield
    os.close(BOARD.descriptor)


def fresh(listener: int = 0, networks: Networks = BY_NETWORK) -> list[ClientCounts]:
    """The counts of one listener in each worker, on an empty table."""
    for worker in range(WORKERS):
        BOARD.clear(worker, CLIENTS)
    return [counts_of(worker, listener, networks) for worker in range(WORKERS)]


def counts_of(worker: int, listener: int, networks: Networks = BY_NETWORK) -> ClientCounts:
    """The counts of one listener in one worker."""
    table = ClientTable(Counters(BOARD, worker), listener)
    table.configure(networks)
    counts = ClientCounts(table)
    counts.configure(MOST)
    return counts


def connections() -> int:
    first = CLIENTS.cell(0, ClientCell.ACTIVE)
    return sum(sum(BOARD.cells[BOARD.base(w) + first : BOARD.base(w) + CLIENTS.end : CLIENTS.width]) for w in range(WORKERS))


STEPS = st.tuples(st.integers(0, 2).map(bool), st.integers(0, WORKERS - 1), st.integers(0, 1))
"""Whether a client enters, as two of three do, at which worker, and which client it is, or which session ends instead."""


@given(st.lists(STEPS, min_size=10, max_size=40))
def test_all_workers_together_let_in_exactly_as_many_as_the_limit_says(steps: list[tuple[bool, int, int]]) -> None:
    counts, inside = fresh(), Counter[int]()
    sessions: list[tuple[int, int, object]] = []
    for enters, worker, client in steps:
        if enters:
            session = object()
            assert counts[worker].enter(session, f"10.0.0.{client}", NOW) == (inside[client] < MOST)
            if inside[client] < MOST:
                inside[client] += 1
                sessions.append((worker, client, session))
        elif sessions:
            owner, left, session = sessions.pop(client % len(sessions))
            counts[owner].leave(session)
            inside[left] -= 1
        assert connections() == inside.total()


def test_another_limit_counts_the_connections_that_are_there_already() -> None:
    counts, *_ = fresh()
    first, *_others = sessions = [object() for _ in range(MOST)]
    assert all(counts.enter(session, "10.0.0.1", NOW) for session in sessions)
    counts.configure(MOST + 1)
    assert [counts.enter(object(), "10.0.0.1", NOW) for _ in range(2)] == [True, False]
    counts.configure(0)
    assert counts.enter(object(), "10.0.0.1", NOW)
    counts.leave(first)
    assert connections() == MOST


def test_a_client_has_its_limit_on_each_listener() -> None:
    web, other = fresh(0)[0], counts_of(0, 1)
    assert [web.enter(object(), "10.0.0.1", NOW) for _ in range(4)] == [True, True, True, False]
    assert other.enter(object(), "10.0.0.1", NOW)


@pytest.mark.parametrize(
    ("prefix", "clients", "let_in"),
    [
        (64, ["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3", "2001:db8::4"], MOST),
        (64, ["2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1", "2001:db8:0:4::1"], 4),
        (56, ["2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1", "2001:db8:0:4::1"], MOST),
        (128, ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4"], 4),
        (64, ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"], 4),
        (64, ["::ffff:10.0.0.1", "::ffff:10.0.0.2", "::ffff:10.0.0.3", "::ffff:10.0.0.4"], 4),
        (64, ["::ffff:10.0.0.1", "10.0.0.1", "::ffff:a00:1", "10.0.0.1"], MOST),
    ],
)
def test_a_network_of_ipv6_is_one_client_and_an_address_of_ipv4_is_one(prefix: int, clients: list[str], let_in: int) -> None:
    one, _ = fresh(networks=Networks(ipv6_prefix=prefix))
    assert sum(one.enter(object(), client, NOW) for client in clients) == let_in


def test_clients_that_come_and_go_do_not_use_the_table_up() -> None:
    one, _ = fresh()
    for number in range(CLIENTS.capacity + 1000):
        session = object()
        assert one.enter(session, str(number), NOW)
        one.leave(session)
    assert [one.enter(object(), "10.0.0.1", NOW) for _ in range(4)] == [True, True, True, False]


def test_who_finds_no_place_in_the_table_is_not_counted_and_not_turned_away() -> None:
    one, _ = fresh()
    for slot in range(CLIENTS.capacity):
        BOARD.cells[BOARD.base(0) + CLIENTS.cell(slot, ClientCell.KEY)] = 1
        BOARD.cells[BOARD.base(0) + CLIENTS.cell(slot, ClientCell.ACTIVE)] = 1
    before = connections()
    sessions = [object() for _ in range(MOST + 2)]
    assert all(one.enter(session, "10.0.0.1", NOW) for session in sessions)
    assert connections() == before == CLIENTS.capacity
    for session in sessions:
        one.leave(session)
    assert connections() == before
