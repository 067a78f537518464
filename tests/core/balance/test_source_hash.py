"""Weighted rendezvous hashing of the client's address."""

from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from math import sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.balance.source_hash import SourceHash
from tests.core.balance.candidates import CLIENTS, WEIGHTS, Backend, backends

MANY = 20_000
IN_A_ROW = [str(IPv4Address("10.20.0.0") + number) for number in range(MANY)]
IPV6 = [str(IPv6Address("2001:db8::") + (number << 64)) for number in range(MANY)]
GROUPS = st.lists(CLIENTS, min_size=1, max_size=50)


def homes(candidates: Sequence[Backend], clients: Sequence[str]) -> list[str]:
    """The backend of each client, as a fresh instance says."""
    policy = SourceHash()
    return [policy.pick(candidates, client).name for client in clients]


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
        "10.1.2.3": "10.0.0.5:8001",
        "192.168.0.1": "[2001:db8::5]:8001",
        "192.168.0.2": "[2001:db8::5]:8001",
        "203.0.113.9": "10.0.0.7:8001",
        "203.0.113.10": "10.0.0.5:8001",
        "198.51.100.77": "[2001:db8::5]:8001",
        "172.16.31.4": "10.0.0.5:8001",
        "::1": "10.0.0.6:8001",
        "2001:db8::1": "chat.internal:8001",
        "2001:db8::2": "10.0.0.7:8001",
        "fe80::1%eth0": "chat.internal:8001",
    }
    assert dict(zip(golden, homes(candidates, list(golden)), strict=True)) == golden


@pytest.mark.parametrize("clients", [IN_A_ROW, IPV6], ids=["ipv4-in-a-row", "ipv6-networks"])
@pytest.mark.parametrize(
    "weights",
    [
        pytest.param([1, 1], id="two"),
        pytest.param([1, 2, 3, 4], id="weights"),
        pytest.param([1, 50], id="far-apart"),
        pytest.param([1] * 12, id="twelve"),
    ],
)
def test_shares_are_proportional_to_weight(weights: list[int], clients: list[str]) -> None:
    """Within five standard deviations of a fair draw, which chance exceeds once in two million."""
    candidates = backends(*weights)
    counts = Counter(homes(candidates, clients))
    for backend in candidates:
        share = backend.weight / sum(weights)
        assert abs(counts[backend.name] - share * MANY) <= 5 * sqrt(MANY * share * (1 - share))


@given(WEIGHTS, GROUPS, st.randoms(use_true_random=False))
def test_a_client_has_the_same_backend_on_every_instance_in_any_order(
    weights: list[int], clients: list[str], random: Random
) -> None:
    candidates = backends(*weights)
    used = SourceHash()
    before = [used.pick(candidates, client).name for client in clients]
    random.shuffle(candidates)
    assert homes(candidates, clients) == before
    used.retain(frozenset())
    assert [used.pick(candidates, client).name for client in clients] == before


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
def test_when_a_backend_becomes_heavier_clients_move_only_to_it(
    weights: list[int], clients: list[str], more: int, data: st.DataObject
) -> None:
    candidates = backends(*weights)
    before = homes(candidates, clients)
    heavier = data.draw(st.sampled_from(candidates))
    heavier.weight += more
    after = homes(candidates, clients)
    assert all(new in (heavier.name, old) for old, new in zip(before, after, strict=True))


def test_a_joining_backend_takes_its_share_and_a_leaving_one_is_shared_by_weight() -> None:
    candidates = backends(1, 1, 2)
    before = homes(candidates, IN_A_ROW)
    moved = Counter(new for old, new in zip(before, homes(candidates[1:], IN_A_ROW), strict=True) if old != new)
    left = MANY / 4
    assert sum(moved.values()) == pytest.approx(left, abs=5 * sqrt(MANY * 1 / 4 * 3 / 4))
    assert moved["c:1"] == pytest.approx(left * 2 / 3, abs=5 * sqrt(left))
    assert moved["b:1"] == pytest.approx(left * 1 / 3, abs=5 * sqrt(left))


def test_connections_do_not_matter() -> None:
    candidates = backends(1, 1, 1)
    before = homes(candidates, IN_A_ROW[:100])
    for number, backend in enumerate(candidates):
        backend.active = 1000 * number
    assert homes(candidates, IN_A_ROW[:100]) == before
