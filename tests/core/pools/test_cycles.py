"""Chains of pools: which listener a backend is, and the chain that leads back."""

import pytest

from tidegate.core.address import Address, parse_host_and_port
from tidegate.core.pools.cycles import Entrance, Entrances, Hop, in_words, is_this_host, shortest_chain, way_back


def entrance(pool: str, bind: str = "127.0.0.1:80") -> Entrance:
    return Entrance(f"to-{pool}", pool, parse_host_and_port(bind))


@pytest.mark.parametrize(
    ("bind", "address", "comes_in"),
    [
        ("10.0.0.1:80", "10.0.0.1:80", True),
        ("10.0.0.1:80", "10.0.0.1:81", False),
        ("10.0.0.1:80", "10.0.0.2:80", False),
        ("chat.test:80", "chat.test:80", True),
        ("127.0.0.1:80", "127.0.0.2:80", False),
        ("0.0.0.0:80", "127.0.0.2:80", True),
        ("0.0.0.0:80", "localhost:80", True),
        ("0.0.0.0:80", "10.9.9.9:80", True),
        ("0.0.0.0:80", "10.0.0.2:80", False),
        ("0.0.0.0:80", "[::1]:80", False),
        ("[::]:80", "[::1]:80", True),
        ("[::]:80", "127.0.0.1:80", True),
        ("[::]:80", "0.0.0.0:80", True),
        ("[::1]:80", "127.0.0.1:80", False),
        ("127.0.0.1:80", "0.0.0.0:80", True),
        ("127.0.0.2:80", "0.0.0.0:80", False),
        ("[::1]:80", "[::]:80", True),
        ("127.0.0.1:80", "[::]:80", False),
        ("127.0.0.1:80", "[::ffff:127.0.0.1]:80", True),
        ("0.0.0.0:80", "[::ffff:10.9.9.9]:80", True),
        ("0.0.0.0:80", "[::ffff:10.0.0.2]:80", False),
        ("10.0.0.1:80", "[::ffff:10.0.0.1]:80", True),
        ("127.0.0.1:80", "[::ffff:0.0.0.0]:80", True),
    ],
)
def test_a_backend_is_a_listener_where_connections_to_it_come_in(bind: str, address: str, comes_in: bool) -> None:  # noqa: FBT001
    one = entrance("b", bind)
    entrances = Entrances([entrance("a", "10.0.0.1:8000"), one], lambda host: is_this_host(host) or host == "10.9.9.9")
    backend = parse_host_and_port(address)
    assert entrances.hops(backend) == ([Hop(backend, one)] if comes_in else [])


def test_whether_a_host_is_this_one_is_asked_only_where_a_listener_has_the_port_and_every_address() -> None:
    asked: list[str] = []

    def ask(host: str) -> bool:
        asked.append(host)
        return False

    entrances = Entrances([entrance("a", "0.0.0.0:80"), entrance("b", "10.0.0.1:81")], ask)
    for address in ("10.0.0.9:82", "10.0.0.9:81", "10.0.0.8:80"):
        assert entrances.hops(parse_host_and_port(address)) == []
    assert asked == ["10.0.0.8"]


def hop(pool: str, port: int) -> Hop:
    return Hop(Address("127.0.0.1", port), entrance(pool))


ROW = {"a": [hop("b", 1), hop("c", 2)], "b": [hop("c", 3)], "c": [hop("d", 4)], "e": [hop("a", 5), hop("e", 6)]}


@pytest.mark.parametrize(
    ("start", "goal", "ports"),
    [("a", "a", []), ("a", "c", [2]), ("a", "d", [2, 4]), ("e", "d", [5, 2, 4]), ("d", "a", None), ("a", "e", None)],
)
def test_the_shortest_chain_is_found_and_a_chain_may_end(start: str, goal: str, ports: list[int] | None) -> None:
    found = shortest_chain(start, goal, lambda pool: ROW.get(pool, []))
    assert (None if found is None else [each.address.port for each in found]) == ports


def test_a_chain_that_leads_back_names_every_listener_and_pool_on_it() -> None:
    back = way_back("d", hop("a", 9), lambda pool: ROW.get(pool, []))
    assert back is not None
    assert in_words("d", back) == (
        "pool d -> 127.0.0.1:9 = listener to-a -> pool a -> 127.0.0.1:2 = listener to-c -> pool c "
        "-> 127.0.0.1:4 = listener to-d -> pool d"
    )
    assert way_back("a", hop("d", 9), lambda pool: ROW.get(pool, [])) is None
