"""Objects of the Kubernetes API, read into a store that the order of events does not change."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.slices import Json, endpoint, endpoint_slice, endpoints_object
from tidegate.core.discovery.endpoint_choice import Choice, Wanted, choose
from tidegate.core.discovery.slices import ALL_PORTS, Port, Store, read_endpoints, read_slice

CONDITION = st.none() | st.booleans()
ADDRESS = st.integers(1, 6).map(lambda number: f"10.0.0.{number}")
ENDPOINT = st.builds(
    lambda address, ready, serving, terminating, zones: endpoint(
        address, ready=ready, serving=serving, terminating=terminating, zones=zones
    ),
    ADDRESS,
    CONDITION,
    CONDITION,
    CONDITION,
    st.sampled_from([None, ["a"], ["b"], ["a", "b"]]),
)
JUNK = st.sampled_from([{"endpoints": 3}, {"addressType": "FQDN"}, {"ports": [{"port": "http"}]}, {"endpoints": [None]}])
NAME = st.sampled_from(["one", "two", "three"])
SLICE = st.builds(
    lambda name, endpoints, junk: endpoint_slice(name, *endpoints) | junk,
    NAME,
    st.lists(ENDPOINT, max_size=4),
    st.just({}) | st.just({}) | JUNK,
)
EVENT = st.tuples(st.sampled_from(["ADDED", "MODIFIED", "DELETED"]), SLICE)
LIST = st.lists(SLICE, max_size=3, unique_by=lambda item: item["metadata"]["name"])


def chosen(store: Store) -> Choice:
    return choose(store.slices, Wanted(zone="a"))


@given(st.lists(LIST | EVENT, max_size=12))
def test_any_interleaving_of_lists_and_events_ends_equal_to_the_final_list(steps: list[Any]) -> None:
    store, final = Store(read_slice), dict[str, Json]()
    for step in steps:
        if isinstance(step, list):
            store, final = store.listed(step), {item["metadata"]["name"]: item for item in step}
            continue
        kind, item = step
        store = store.after(kind, item)
        final.pop(item["metadata"]["name"], None)
        if kind != "DELETED":
            final[item["metadata"]["name"]] = item
    assert store.objects == Store(read_slice).listed(final.values()).objects
    assert chosen(store) == chosen(Store(read_slice).listed(final.values()))


@given(LIST, st.randoms(use_true_random=False))
def test_the_order_of_a_list_makes_no_difference(items: list[Json], chance: Any) -> None:
    shuffled = list(items)
    chance.shuffle(shuffled)
    assert chosen(Store(read_slice).listed(items)) == chosen(Store(read_slice).listed(shuffled))


def test_nil_conditions_mean_ready_serving_and_not_terminating() -> None:
    for conditions in ({}, {"ready": None, "serving": None, "terminating": None}):
        ((part,), complaints) = read_slice(endpoint_slice("one", endpoint("10.0.0.1", **conditions)))
        assert not complaints
        (only,) = part.endpoints
        assert (only.ready, only.serving, only.terminating) == (True, True, False)


def test_a_slice_is_read_with_all_that_people_and_the_choice_need() -> None:
    given_fields = endpoint("FD00::1", pod="web-1", nodeName="node-1", zone="zone-a", zones=["zone-a"], nodes=["node-1"])
    ((part,), _) = read_slice(endpoint_slice("one", given_fields, family="IPv6"))
    (only,) = part.endpoints
    assert (only.address, only.pod, only.node, only.zone) == ("fd00::1", "web-1", "node-1", "zone-a")
    assert (only.for_nodes, only.for_zones) == (("node-1",), ("zone-a",))
    assert part.ports == (Port("http", 8000),)


def test_of_a_text_no_more_is_kept_than_the_longest_name_of_kubernetes_has() -> None:
    longest = "n" * 253
    ((part,), complaints) = read_slice(endpoint_slice("one", endpoint("10.0.0.1", pod=f"{longest}m", zone=f"{longest}m")))
    (only,) = part.endpoints
    assert (only.pod, only.zone, complaints) == (longest, longest, ())


@pytest.mark.parametrize(
    ("ports", "read"),
    [
        (None, (Port("", ALL_PORTS),)),
        ([], (Port("", ALL_PORTS),)),
        ([{"port": 80}], (Port("", 80),)),
        ([{"port": 1}, {"port": 65535}], (Port("", 1), Port("", 65535))),
        ([{"name": "http", "port": None}], (Port("http", ALL_PORTS),)),
        (
            [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns", "port": 53, "protocol": "TCP"}],
            (Port("dns", 53),),
        ),
        ([{"name": "game", "port": 9, "protocol": "UDP"}], ()),
    ],
)
def test_ports_without_name_number_or_protocol_are_read_as_the_api_means_them(ports: Any, read: tuple[Port, ...]) -> None:
    ((part,), _) = read_slice(endpoint_slice("one") | {"ports": ports})
    assert part.ports == read


@pytest.mark.parametrize(
    ("junk", "complaint"),
    [
        ({"addressType": "FQDN"}, "one: addressType 'FQDN' is ignored: expected IPv4 or IPv6"),
        ({"endpoints": "many"}, "one: endpoints is not a list; the object was skipped"),
        ({"ports": [{"port": 65536}]}, "one: port '65536' is not a number from 1 to 65535; the port was skipped"),
        ({"ports": [{"port": -1}]}, "one: port '-1' is not a number from 1 to 65535; the port was skipped"),
        ({"ports": [{"port": True}]}, "one: port 'True' is not a number from 1 to 65535; the port was skipped"),
        ({"ports": [7]}, "one: port is not an object; the port was skipped"),
        ({"endpoints": [7]}, "one: endpoint is not an object; the endpoint was skipped"),
        ({"endpoints": [{"addresses": []}]}, "one: an endpoint has no address; the endpoint was skipped"),
        (
            {"endpoints": [endpoint("web.internal")]},
            "one: address 'web.internal' is not an IP address; the endpoint was skipped",
        ),
        (
            {"endpoints": [endpoint("10.0.0.1", ready="yes")]},
            "one: condition ready is 'yes', expected true or false; the endpoint was skipped",
        ),
    ],
)
def test_what_is_malformed_is_skipped_with_one_complaint_and_the_rest_is_used(junk: Json, complaint: str) -> None:
    good = endpoint_slice("two", endpoint("10.0.0.2"))
    store = Store(read_slice).listed([endpoint_slice("one") | junk, good])
    assert store.complaints == (complaint,)
    assert [backend.host for backend in chosen(store).backends] == ["10.0.0.2"]
    after = Store(read_slice).listed([good]).after("ADDED", endpoint_slice("one") | junk)
    assert after.complaints == (complaint,)
    assert chosen(after) == chosen(store)


def test_a_port_that_cannot_be_read_costs_the_other_ports_nothing_and_makes_none_of_them_the_only_one() -> None:
    ports: list[Json] = [{"name": "http", "port": 8000}, {"name": "admin", "port": "nine"}]
    slices = read_slice(endpoint_slice("one", endpoint("10.0.0.1"), ports=ports)).slices
    assert [backend.name for backend in choose(slices, Wanted("http")).backends] == ["10.0.0.1:8000"]
    assert [backend.name for backend in choose(slices, Wanted(8000)).backends] == ["10.0.0.1:8000"]
    for wanted in (Wanted(), Wanted("admin"), Wanted(9)):
        choice = choose(slices, wanted)
        assert not choice.backends
        assert choice.problem.endswith("expected one of http (8000)")


def test_a_slice_without_a_number_has_all_ports_and_one_with_the_lowest_number_has_that() -> None:
    every, lowest = (
        read_slice(endpoint_slice("one", endpoint("10.0.0.1"), ports=ports)).slices for ports in ([], [{"port": 1}])
    )
    assert [backend.name for backend in choose(every, Wanted(8000)).backends] == ["10.0.0.1:8000"]
    assert choose(lowest, Wanted(8000)).backends == ()
    assert [backend.name for backend in choose(lowest, Wanted(1)).backends] == ["10.0.0.1:1"]


def test_a_subset_that_cannot_be_read_costs_the_others_nothing() -> None:
    good = {"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 8000}]}
    item = endpoints_object("web", {"addresses": 3}, 7, {"addresses": [{"ip": "10.0.0.2"}], "ports": [{"port": []}]}, good)  # type: ignore[arg-type]
    store = Store(read_endpoints).listed([item])
    assert [backend.name for backend in choose(store.slices, Wanted()).backends] == ["10.0.0.1:8000"]
    assert store.complaints == (
        "web: addresses is not a list; the subset was skipped",
        "web: subset is not an object; the subset was skipped",
        "web: port a list is not a number from 1 to 65535; the port was skipped",
    )


@pytest.mark.parametrize("item", [None, 3, [], {}, {"metadata": None}, {"metadata": {"name": 3}}])
def test_what_has_no_name_is_skipped_and_changes_nothing(item: object) -> None:
    store = Store(read_slice).listed([endpoint_slice("one", endpoint("10.0.0.1"))])
    for kind in ("ADDED", "DELETED"):
        after = store.after(kind, item)
        assert after.objects == store.objects
        assert after.complaints == ("an object without a name was skipped",)


KEYS = [
    "addresses",
    "conditions",
    "ready",
    "targetRef",
    "hints",
    "forZones",
    "ip",
    "notReadyAddresses",
    "ports",
    "port",
    "name",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["endpoints", "ports", "subsets", "addressType"]), JSON))
def test_no_object_whatever_its_shape_is_an_error(parts: Json) -> None:
    for read in (read_slice, read_endpoints):
        store = Store(read).listed([endpoint_slice("one") | parts])
        choose(store.slices, Wanted())


def test_endpoints_objects_are_read_as_slices_as_far_as_their_type_allows() -> None:
    subset = {
        "addresses": [{"ip": "10.0.0.1", "nodeName": "node-1", "targetRef": {"kind": "Pod", "name": "web-1", "uid": "1"}}],
        "notReadyAddresses": [{"ip": "10.0.0.2"}],
        "ports": [{"name": "http", "port": 8000, "protocol": "TCP"}],
    }
    other = {"addresses": [{"ip": "10.0.0.3"}, {"ip": None}], "ports": [{"name": "http", "port": 9000}]}
    store = Store(read_endpoints).listed([endpoints_object("socketio", subset, other)])
    assert store.complaints == ("socketio: address 'None' is not an IP address; the address was skipped",)
    choice = chosen(store)
    assert [(backend.name, backend.pod, backend.node) for backend in choice.backends] == [
        ("10.0.0.1:8000", "web-1", "node-1"),
        ("10.0.0.3:9000", "", ""),
    ]
    assert [backend.name for backend in choice.draining] == ["10.0.0.2:8000"]


def test_an_endpoints_object_that_the_cluster_has_cut_says_so() -> None:
    item = endpoints_object("socketio")
    item["metadata"]["annotations"] = {"endpoints.kubernetes.io/over-capacity": "truncated"}
    (complaint,) = Store(read_endpoints).listed([item]).complaints
    assert "only 1000 addresses" in complaint


DEEP = orjson.loads(b"[" * 1000 + b"]" * 1000)


@pytest.mark.parametrize(
    "parts",
    [{"addressType": DEEP}, {"ports": [{"port": DEEP}]}, {"endpoints": [{"addresses": [DEEP]}]}, {"endpoints": DEEP}],
)
def test_a_value_that_is_nested_as_deeply_as_json_may_be_is_complained_about_like_any_other(parts: Json) -> None:
    store = Store(read_slice).listed([endpoint_slice("one") | parts])
    assert store.complaints
    assert "[[" not in str(store.complaints)
