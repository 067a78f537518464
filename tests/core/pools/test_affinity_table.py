"""The table of clients and their backends."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.pools.affinity_table import AffinityTable

TTL = 10.0
CLIENTS, BACKENDS = st.sampled_from("abcdef"), st.sampled_from("123")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("give"), CLIENTS, BACKENDS),
        st.tuples(st.just("seen"), CLIENTS, BACKENDS),
        st.tuples(st.just("remove"), st.just(""), BACKENDS),
        st.tuples(st.just("wait"), st.sampled_from(["1", "4", "9", "10"]), st.just("")),
    ),
    max_size=60,
)


@given(STEPS, st.integers(1, 4))
def test_a_client_keeps_its_backend_until_it_is_too_old_too_many_or_the_backend_leaves(
    steps: list[tuple[str, str, str]], most: int
) -> None:
    table, now = AffinityTable(TTL, most), 0.0
    expected: dict[str, tuple[str, float]] = {}  # in the order of the last use
    for step, subject, backend in steps:
        expected = {client: entry for client, entry in expected.items() if now - entry[1] < TTL}
        match step:
            case "give":
                table.give(subject, backend, now)
                expected.pop(subject, None)
                expected[subject] = (backend, now)
                if len(expected) > most:
                    del expected[next(iter(expected))]
            case "seen":
                table.seen(subject, backend, now)
                if expected.get(subject, ("",))[0] == backend:
                    expected.pop(subject)
                    expected[subject] = (backend, now)
            case "remove":
                table.remove_backends({backend})
                expected = {client: entry for client, entry in expected.items() if entry[0] != backend}
            case _:
                now += float(subject)
                expected = {client: entry for client, entry in expected.items() if now - entry[1] < TTL}
        assert {client: table.backend(client, now) for client in "abcdef"} == {
            client: expected.get(client, (None,))[0] for client in "abcdef"
        }
        assert table.count(now) == len(expected) <= most
    assert [client for client, *_ in table.live(now)] == list(expected)


def test_others_are_told_what_is_new_and_a_few_times_in_a_time_to_live_that_a_client_is_still_there() -> None:
    table = AffinityTable(TTL, 10)
    assert table.give("a", "1", 0.0)
    assert not table.give("a", "1", 1.0)
    assert not table.seen("a", "1", 2.0)
    assert table.seen("a", "1", 2.5)
    assert not table.seen("a", "1", 4.0)
    assert table.give("a", "2", 4.0)
    assert not table.seen("a", "1", 9.0), "a session that is left over on the earlier backend says nothing"
    assert table.give("a", "2", 30.0), "it had been forgotten"


def test_settings_that_change_hold_from_the_next_entry_on() -> None:
    table = AffinityTable(TTL, 10)
    for number, client in enumerate("abc"):
        table.give(client, "1", float(number))
    table.configure(1.5, 2)
    assert table.backend("a", 2.0) is None
    assert table.backend("b", 2.0) == table.backend("c", 2.0) == "1"
    table.give("d", "1", 2.0)
    assert table.count(2.0) == 2


def test_an_older_entry_for_the_same_backend_makes_no_client_older() -> None:
    table = AffinityTable(TTL, 10)
    table.give("a", "1", 8.0)
    table.give("b", "1", 9.0)
    table.tell("a", "1", 1.0, 9.0)
    assert set(table.live(12.0)) == {("a", "1", 4.0), ("b", "1", 3.0)}
    assert table.backend("a", 17.0) == "1"
    table.tell("b", "2", 2.0, 9.0)
    assert table.backend("b", 13.0) is None, "about another backend it stands, for all tables must agree"


@given(st.lists(st.tuples(st.integers(0, 4), CLIENTS, BACKENDS), max_size=60))
def test_workers_that_are_all_told_the_same_in_the_same_order_agree_in_the_end(steps: list[tuple[int, str, str]]) -> None:
    """Steps 0 and 1: a worker gives a client a backend; 2: control hears of one; 3 and 4: a worker is told of one."""
    control, workers = AffinityTable(TTL, 100), [AffinityTable(TTL, 100) for _ in range(2)]
    up: deque[tuple[str, str]] = deque()
    down: list[deque[tuple[str, str]]] = [deque(), deque()]

    def hear() -> None:
        client, backend = up.popleft()
        control.tell(client, backend, 0.0, 0.0)
        for queue in down:
            queue.append((client, backend))

    for step, client, backend in steps:
        if step < 2 and workers[step].give(client, backend, 0.0):
            up.append((client, backend))
        elif step == 2 and up:
            hear()
        elif step > 2 and down[step - 3]:
            workers[step - 3].tell(*down[step - 3].popleft(), 0.0, 0.0)
    while up:
        hear()
    for worker, queue in zip(workers, down, strict=True):
        for client, backend in queue:
            worker.tell(client, backend, 0.0, 0.0)
        assert sorted(worker.live(0.0)) == sorted(control.live(0.0))
