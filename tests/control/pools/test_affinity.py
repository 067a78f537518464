"""Control's table of clients and their backends."""

from tidegate.control.pools.affinity import ControlAffinity
from tidegate.link.messages import AffinityEntry, AffinityTold

ONE, TWO = "10.0.0.1:80", "10.0.0.2:80"


def entry(number: int, backend: str = ONE, idle: float = 0.0) -> AffinityEntry:
    return AffinityEntry(f"10.1.0.{number}", backend, idle)


def clients(table: ControlAffinity) -> dict[str, str]:
    return {known.client: known.backend for known in table.everything().entries}


def test_what_a_worker_has_learned_goes_to_all_and_to_those_that_come_later() -> None:
    table = ControlAffinity("chat", 60.0, 100)
    assert table.learned([entry(1), entry(2, TWO)], {ONE, TWO}) == AffinityTold("chat", [entry(1), entry(2, TWO)])
    later = table.everything()
    assert later.pool == "chat"
    assert clients(table) == {"10.1.0.1": ONE, "10.1.0.2": TWO}
    assert all(0 <= known.idle < 10 for known in later.entries)
    assert table.clients == 2


def test_news_of_a_backend_that_has_left_is_not_passed_on() -> None:
    table = ControlAffinity("chat", 60.0, 100)
    assert table.learned([entry(1), entry(2, TWO)], {ONE}) == AffinityTold("chat", [entry(1)])
    assert clients(table) == {"10.1.0.1": ONE}
    table.remove_backends({ONE})
    assert clients(table) == {}


def test_clients_are_bounded_in_number_and_in_age_also_by_new_limits() -> None:
    table = ControlAffinity("chat", 60.0, 2)
    table.learned([entry(number, idle=10.0 - number) for number in range(3)], {ONE})
    assert list(clients(table)) == ["10.1.0.1", "10.1.0.2"], "the one seen longest ago goes"
    table.configure(5.0, 3)
    table.learned([entry(1, idle=8.0), entry(5), entry(6), entry(7)], {ONE})
    assert list(clients(table)) == ["10.1.0.5", "10.1.0.6", "10.1.0.7"]


def test_a_client_that_was_seen_before_is_as_old_as_it_was() -> None:
    table = ControlAffinity("chat", 60.0, 2)
    table.learned([entry(1, idle=30.0)], {ONE})
    (known,) = table.everything().entries
    assert 30 <= known.idle < 40
