"""DNS records as backends."""

from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.discovery.dns_records import Target, address_backends, bounded_ttl, in_order, target_backends

addresses = st.ip_addresses().map(str)
targets = st.builds(
    Target,
    host=st.sampled_from(["a.test", "b.test", "c.test"]),
    port=st.sampled_from([80, 81]),
    priority=st.integers(0, 3),
    weight=st.integers(0, 65535),
)


def test_each_address_is_a_backend_called_by_address_and_port() -> None:
    backends = address_backends(["10.0.0.10", "fd00::5", "10.0.0.9"], 8001)
    assert [backend.name for backend in backends] == ["10.0.0.9:8001", "10.0.0.10:8001", "[fd00::5]:8001"]
    assert [backend.host for backend in backends] == ["10.0.0.9", "10.0.0.10", "fd00::5"]
    assert {(backend.port, backend.weight, backend.backup) for backend in backends} == {(8001, 1, False)}


@given(st.lists(addresses), st.randoms())
def test_the_order_of_the_records_does_not_matter(found: list[str], random: object) -> None:
    shuffled = sorted(found, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert address_backends(found + found, 80) == address_backends(shuffled, 80)


def test_the_lowest_priority_is_primary_and_every_other_a_backup() -> None:
    records = [Target("c.test", 80, 30, 5), Target("a.test", 80, 10, 5), Target("b.test", 80, 20, 5)]
    backends = target_backends(records, {"a.test": ["10.0.0.1", "10.0.0.2"]})
    assert [(backend.name, backend.backup) for backend in backends] == [
        ("a.test:80", False),
        ("b.test:80", True),
        ("c.test:80", True),
    ]
    assert [backend.hosts for backend in backends] == [("10.0.0.1", "10.0.0.2"), ("",), ("",)]


def test_weight_0_is_the_smallest_share() -> None:
    weights = [backend.weight for backend in target_backends([Target("a", 1, 0, 0), Target("b", 1, 0, 7)], {})]
    assert weights == [1, 7]


@given(st.lists(targets), st.randoms())
def test_any_targets_make_one_backend_each_in_one_order(found: list[Target], random: object) -> None:
    shuffled = sorted(found, key=lambda _: random.random())  # type: ignore[attr-defined]
    backends = target_backends(found, {})
    assert backends == target_backends(shuffled, {})
    assert {backend.name for backend in backends} == {str(target.address) for target in found}
    assert len(backends) == len({backend.name for backend in backends})
    assert not found or not all(backend.backup for backend in backends)


def test_ipv4_comes_first_and_numbers_count_as_numbers() -> None:
    assert in_order(["::1", "10.0.0.2", "9.0.0.1", "10.0.0.10", "10.0.0.2"]) == ["9.0.0.1", "10.0.0.2", "10.0.0.10", "::1"]


def test_records_are_asked_for_again_after_1_second_to_the_longest_interval() -> None:
    assert [bounded_ttl(ttl, 10.0) for ttl in (0, 1, 5, 60, 86400)] == [1, 1, 5, 10, 10]
