"""Weighted consistent hashing of the client's address."""

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.balance.candidates import CLIENTS, WEIGHTS, Backend, backends, filled, usable
from tidegate.core.balance.policy import Usable
from tidegate.core.balance.source_hash import SourceHash
from tidegate.core.network import Networks

MANY = 50_000
IN_A_ROW = [str(IPv4Address("10.20.0.0") + number) for number in range(MANY)]
IPV6 = [str(IPv6Address("2001:db8::") + (number << 64)) for number in range(MANY)]
GROUPS = st.lists(CLIENTS, min_size=1, max_size=50)


def source_hash(candidates: Iterable[Backend]) -> SourceHash[Backend]:
    return filled(SourceHash[Backend](), candidates)


def ask(policy: SourceHash[Backend], clients: Iterable[str], usable: Usable[Backend] = usable) -> list[str]:
    """The backend of each client."""
    picked = [policy.pick(client, usable) for client in clients]
    return [backend.name for backend in picked if backend]


def homes(candidates: Iterable[Backend], clients: Iterable[str]) -> list[str]:
    """The backend of each client, as a fresh instance says."""
    return ask(source_hash(candidates), clients)


def test_clients_stay_where_earlier_releases_have_sent_them() -> None:
    """These values are a promise: with another hash, every client would change its backend during a rolling update."""
    candidates = [
        Backend("10.0.0.5:8001"),
        Backend("10.0.0.6:8001"),
        Backend("10.0.0.7:8001", weight=2),
        Backend("chat.internal:8001"),
        Backend("[2001:db8::5]:8001", weight=3),
    ]
    golden = {
        "127.0.0.1": "10.0.0.7:8001",
        "10.1.2.3": "[2001:db8::5]:8001",
        "192.168.0.1": "[2001:db8::5]:8001",
        "192.168.0.2": "10.0.0.5:8001",
        "203.0.113.9": "10.0.0.7:8001",
        "203.0.113.10": "[2001:db8::5]:8001",
        "198.51.100.77": "10.0.0.6:8001",
        "172.16.31.4": "10.0.0.7:8001",
        "::1": "10.0.0.7:8001",
        "2001:db8::1": "[2001:db8::5]:8001",
        "2001:db8::2": "[2001:db8::5]:8001",
        "fe80::1%eth0": "10.0.0.7:8001",
    }
    assert dict(zip(golden, homes(candidates, list(golden)), strict=True)) == golden


def test_clients_whose_walk_is_longer_than_the_circle_stay_too() -> None:
    """As above, for so many clients that some of them accept no point of the first lap, and few none of the second."""
    picked = "".join(homes(backends(1, 1), IN_A_ROW[:10_000]))
    assert blake2b(picked.encode(), digest_size=8).hexdigest() == "1c52a44cf393dbfb"


@pytest.mark.parametrize("clients", [IN_A_ROW, IPV6], ids=["ipv4-in-a-row", "ipv6-networks"])
@pytest.mark.parametrize(
    "weights",
    [
        pytest.param([1, 1], id="two"),
        pytest.param([1, 2, 3, 4], id="weights"),
        pytest.param([1, 50], id="far-apart"),
        pytest.param([65535, 65535, 40000], id="the-heaviest"),
        pytest.param([1] * 12, id="twelve"),
        pytest.param([1] * 50, id="fifty"),
    ],
)
def test_shares_are_proportional_to_weight(weights: list[int], clients: list[str]) -> None:
    candidates = [Backend(f"10.0.0.{number}:80", weight) for number, weight in enumerate(weights)]
    counts = Counter(homes(candidates, clients))
    for backend in candidates:
        assert counts[backend.name] == pytest.approx(MANY * backend.weight / sum(weights), rel=0.15)


@given(WEIGHTS, GROUPS, st.randoms(use_true_random=False))
def test_a_client_has_the_same_backend_on_every_instance_whatever_the_order_of_changes(
    weights: list[int], clients: list[str], random: Random
) -> None:
    candidates = backends(*weights)
    others = [Backend(f"other-{number}:1", 1 + number % 5) for number in range(10)]
    used = source_hash([*others, *candidates])
    for backend in random.sample([*candidates, *others], len(candidates) + len(others)):
        used.remove(backend)
    for backend in random.sample([*candidates, *others], len(candidates) + len(others)):
        used.add(backend)
    for backend in random.sample(others, len(others)):
        used.remove(backend)
    assert ask(used, clients) == homes(candidates, clients)


@given(st.lists(st.integers(1, 12), min_size=2, max_size=8), GROUPS, st.data())
def test_when_a_backend_leaves_only_its_clients_move(weights: list[int], clients: list[str], data: st.DataObject) -> None:
    candidates = backends(*weights)
    gone = data.draw(st.sampled_from(candidates))
    before = homes(candidates, clients)
    after = homes([backend for backend in candidates if backend is not gone], clients)
    assert all(old in (gone.name, new) for old, new in zip(before, after, strict=True))


@given(WEIGHTS, GROUPS, st.integers(1, 12))
def test_when_a_backend_joins_clients_move_only_to_it(weights: list[int], clients: list[str], weight: int) -> None:
    candidates = backends(*weights)
    before = homes(candidates, clients)
    after = homes([*candidates, Backend("new:1", weight)], clients)
    assert all(new in ("new:1", old) for old, new in zip(before, after, strict=True))


@given(WEIGHTS, GROUPS, st.integers(1, 12), st.data())
def test_when_a_weight_changes_clients_move_only_to_or_from_that_backend(
    weights: list[int], clients: list[str], weight: int, data: st.DataObject
) -> None:
    candidates = backends(*weights)
    before = homes(candidates, clients)
    changing = data.draw(st.sampled_from(candidates))
    changing.weight = weight
    after = homes(candidates, clients)
    assert all(old == new or changing.name in (old, new) for old, new in zip(before, after, strict=True))


@given(WEIGHTS, GROUPS, st.data())
def test_clients_of_a_backend_that_is_not_usable_go_where_they_would_if_it_had_left(
    weights: list[int], clients: list[str], data: st.DataObject
) -> None:
    candidates = backends(*weights)
    left = data.draw(st.sets(st.sampled_from(candidates), min_size=1))
    assert ask(source_hash(candidates), clients, left.__contains__) == homes(left, clients)


def test_a_joining_backend_takes_its_share_and_a_leaving_one_is_shared_by_weight() -> None:
    candidates = backends(1, 1, 2)
    before = homes(candidates, IN_A_ROW)
    moved = Counter(new for old, new in zip(before, homes(candidates[1:], IN_A_ROW), strict=True) if old != new)
    left = MANY / 4
    assert sum(moved.values()) == pytest.approx(left, rel=0.15)
    assert moved["c:1"] == pytest.approx(left * 2 / 3, rel=0.15)
    assert moved["b:1"] == pytest.approx(left * 1 / 3, rel=0.15)


def test_connections_do_not_matter() -> None:
    candidates = backends(1, 1, 1)
    before = homes(candidates, IN_A_ROW[:100])
    for number, backend in enumerate(candidates):
        backend.active = 1000 * number
    assert homes(candidates, IN_A_ROW[:100]) == before


def test_all_clients_of_a_network_have_one_backend_and_networks_are_spread_as_clients_were() -> None:
    candidates = backends(*[1] * 8)
    masked = filled(SourceHash[Backend](Networks(24, 64)), candidates)
    for networks, neighbours in (
        ([f"10.20.{number}" for number in range(200)], ["{}.0", "{}.7", "{}.255"]),
        ([f"2001:db8:0:{number:x}" for number in range(200)], ["{}::", "{}::1", "{}:ffff::9"]),
    ):
        per_network = [set(ask(masked, (neighbour.format(network) for neighbour in neighbours))) for network in networks]
        assert all(len(found) == 1 for found in per_network)
        assert Counter(name for found in per_network for name in found).keys() == {each.name for each in candidates}


def test_an_ipv4_client_has_the_same_backend_on_a_dual_stack_socket() -> None:
    masked = filled(SourceHash[Backend](Networks(24, 64)), backends(*[1] * 8))
    clients = [f"10.20.{number}.{number}" for number in range(100)]
    assert ask(masked, clients) == ask(masked, [f"::ffff:{client}" for client in clients])


def test_masked_networks_stay_where_earlier_releases_have_sent_them() -> None:
    """A promise, as for whole addresses: a network is hashed as the text of its first address."""
    candidates = backends(1, 2, 3, 4)
    masked = filled(SourceHash[Backend](Networks(24, 64)), candidates)
    clients = ["10.1.2.3", "192.168.0.200", "2001:db8:1:2:3::4", "fe80::1%eth0"]
    assert ask(masked, clients) == homes(candidates, ["10.1.2.0", "192.168.0.0", "2001:db8:1:2::", "fe80::%eth0"])


@pytest.mark.parametrize(("networks", "bounded_load"), [(Networks(24, 64), 0.0), (Networks(), 1.25)])
@given(st.lists(st.integers(1, 12), min_size=2, max_size=8), GROUPS, st.data())
def test_when_a_backend_leaves_only_its_clients_move_with_masks_and_with_a_bound_that_is_not_reached(
    networks: Networks, bounded_load: float, weights: list[int], clients: list[str], data: st.DataObject
) -> None:
    candidates = backends(*weights)
    gone = data.draw(st.sampled_from(candidates))
    policy = filled(SourceHash[Backend](networks, bounded_load), candidates)
    before = ask(policy, clients)
    policy.remove(gone)
    assert all(old in (gone.name, new) for old, new in zip(before, ask(policy, clients), strict=True))
    policy.add(gone)
    assert ask(policy, clients) == before
