"""Which endpoints of a Service get connections: the choice of kube-proxy, case by case."""

from typing import Any

import pytest

from tests.support.slices import Json, draining, endpoint, endpoint_slice
from tidegate.core.discovery.endpoint_choice import Choice, Wanted, choose
from tidegate.core.discovery.slices import Store, read_slice


def choice_of(*slices: Json, **wanted: Any) -> Choice:
    return choose(Store(read_slice).listed(slices).slices, Wanted(**wanted))


def names(choice: Choice) -> tuple[list[str], list[str]]:
    return [backend.name for backend in choice.backends], [backend.name for backend in choice.draining]


def test_ready_endpoints_of_all_slices_are_used_and_those_that_end_drain() -> None:
    one = endpoint_slice("one", endpoint("10.0.0.1", ready=True), draining("10.0.0.2"))
    two = endpoint_slice("two", endpoint("10.0.0.3"))
    assert names(choice_of(one, two)) == (["10.0.0.1:8000", "10.0.0.3:8000"], ["10.0.0.2:8000"])


def test_when_none_is_ready_those_that_serve_while_they_terminate_are_used() -> None:
    gone = endpoint("10.0.0.3", ready=False, serving=False, terminating=True)
    unready = endpoint("10.0.0.4", ready=False, serving=False, terminating=False)
    choice = choice_of(endpoint_slice("one", draining("10.0.0.1"), draining("10.0.0.2"), gone, unready))
    assert names(choice) == (["10.0.0.1:8000", "10.0.0.2:8000"], ["10.0.0.3:8000", "10.0.0.4:8000"])


def test_an_endpoint_that_is_published_though_not_ready_is_used_also_while_it_terminates() -> None:
    assert names(choice_of(endpoint_slice("one", endpoint("10.0.0.1", ready=True, serving=False, terminating=True))))[0]


def test_an_endpoint_in_two_slices_is_one_backend_and_its_better_condition_counts() -> None:
    old = endpoint_slice("old", endpoint("10.0.0.1", ready=False))
    new = endpoint_slice("new", endpoint("10.0.0.1", ready=True))
    assert names(choice_of(old, new)) == (["10.0.0.1:8000"], [])
    assert choice_of(old, new) == choice_of(new, old)


def test_a_pod_with_both_families_is_one_backend_at_its_ipv4_address() -> None:
    ipv4 = endpoint_slice("four", endpoint("10.0.0.1", pod="web-1"))
    ipv6 = endpoint_slice("six", endpoint("fd00::1", pod="web-1"), endpoint("fd00::2", pod="web-2"), family="IPv6")
    assert names(choice_of(ipv4, ipv6))[0] == ["10.0.0.1:8000", "[fd00::2]:8000"]


def test_without_pods_both_families_are_used() -> None:
    slices = endpoint_slice("four", endpoint("10.0.0.1")), endpoint_slice("six", endpoint("fd00::1"), family="IPv6")
    assert names(choice_of(*slices))[0] == ["10.0.0.1:8000", "[fd00::1]:8000"]


HTTP, ADMIN, UNNAMED, OPEN = (
    {"name": "http", "port": 8000},
    {"name": "admin", "port": 9000},
    {"port": 7000},
    {"name": "any", "port": None},
)


@pytest.mark.parametrize(
    ("ports", "wanted", "backends"),
    [
        ([HTTP], None, ["10.0.0.1:8000"]),
        ([UNNAMED], None, ["10.0.0.1:7000"]),
        ([HTTP, ADMIN], "admin", ["10.0.0.1:9000"]),
        ([HTTP, ADMIN], 8000, ["10.0.0.1:8000"]),
        ([OPEN], 5000, ["10.0.0.1:5000"]),
        ([], 5000, ["10.0.0.1:5000"]),
        ([HTTP, ADMIN], None, []),
        ([HTTP], "admin", []),
        ([HTTP], 5000, []),
        ([OPEN], "any", []),
        ([], None, []),
    ],
)
def test_a_port_is_found_by_name_or_number_or_because_it_is_the_only_one(
    ports: list[Json], wanted: str | int | None, backends: list[str]
) -> None:
    choice = choice_of(endpoint_slice("one", endpoint("10.0.0.1"), ports=ports), port=wanted)
    assert names(choice)[0] == backends
    assert bool(choice.problem) is not bool(backends)


def test_a_port_name_may_stand_for_another_number_in_each_slice() -> None:
    one = endpoint_slice("one", endpoint("10.0.0.1"), ports=[{"name": "http", "port": 8000}])
    two = endpoint_slice("two", endpoint("10.0.0.2"), ports=[{"name": "http", "port": 8080}])
    assert names(choice_of(one, two, port="http"))[0] == ["10.0.0.1:8000", "10.0.0.2:8080"]


def test_a_port_that_no_slice_has_is_said_together_with_those_that_exist() -> None:
    slices = endpoint_slice("one", endpoint("10.0.0.1"), ports=[HTTP, ADMIN, UNNAMED])
    assert choice_of(slices, port="htp").problem == (
        "no slice has the TCP port 'htp': expected one of (unnamed) (7000), admin (9000), http (8000)"
    )
    assert "no slice has exactly one TCP port: expected one of (unnamed)" in choice_of(slices).problem
    assert choice_of(endpoint_slice("one", ports=[HTTP]), port="htp").problem == "the Service has no endpoints"


NEAR, FAR = endpoint("10.0.0.1", zones=["a"], nodes=["n1"]), endpoint("10.0.0.2", zones=["b"], nodes=["n2"])
BARE = endpoint("10.0.0.3")


@pytest.mark.parametrize(
    ("endpoints", "wanted", "used"),
    [
        ([NEAR, FAR], {"zone": "a"}, [1]),
        ([NEAR, FAR], {"zone": "b"}, [2]),
        ([NEAR, FAR], {"zone": "c"}, [1, 2]),
        ([NEAR, FAR], {}, [1, 2]),
        ([NEAR, FAR], {"node": "n2", "zone": "a"}, [2]),
        ([NEAR, FAR], {"node": "n3", "zone": "a"}, [1]),
        ([NEAR, FAR, BARE], {"node": "n1", "zone": "a"}, [1, 2, 3]),
        ([NEAR, FAR, draining("10.0.0.3")], {"zone": "a"}, [1]),
        ([endpoint("10.0.0.1", zones=["a"], ready=False), FAR], {"zone": "a"}, [2]),
    ],
)
def test_topology_hints_count_when_every_ready_endpoint_has_them_and_one_means_us(
    endpoints: list[Json], wanted: dict[str, str], used: list[int]
) -> None:
    """Evaluated over all slices together."""
    slices = [endpoint_slice(f"slice-{number}", item) for number, item in enumerate(endpoints)]
    assert names(choice_of(*slices, **wanted))[0] == [f"10.0.0.{number}:8000" for number in used]


def test_backends_carry_what_people_want_to_know() -> None:
    item = endpoint("10.0.0.1", pod="web-1", nodeName="node-1", zone="zone-a")
    (backend,) = choice_of(endpoint_slice("one", item)).backends
    assert (backend.host, backend.port, backend.pod, backend.node, backend.zone) == (
        "10.0.0.1", 8000, "web-1", "node-1", "zone-a",
    )  # fmt: skip
