"""Which pool a client is led to."""

import pickle
from collections.abc import Sequence
from fnmatch import fnmatchcase
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.preface.routes import FirstBytes, Route, Routes

CHAT = Route("chat", sni=("chat.example.com", "*.chat.example.com"))
MQTT = Route("mqtt", alpn=("mqtt", "mqtt5"))
SIO = Route("sio", hosts=("api.example.com",), path_prefix="/socket.io/")
REST = Route("rest", hosts=("api.example.com",))
STATIC = Route("static", path_prefix="/static")
REFUSED = Route("", sni=("old.example.com",))
BOTH = Route("both", sni=("tls.example.com",), alpn=("h2",))
EVERYBODY = Route("all")
ROUTES = Routes([CHAT, MQTT, SIO, REST, STATIC, REFUSED, BOTH])


@pytest.mark.parametrize(
    ("known", "pool"),
    [
        pytest.param(FirstBytes(sni="chat.example.com"), "chat", id="exact"),
        pytest.param(FirstBytes(sni="a.chat.example.com"), "chat", id="wildcard"),
        pytest.param(FirstBytes(sni="a.b.chat.example.com"), None, id="two-labels-more"),
        pytest.param(FirstBytes(sni="xchat.example.com"), None, id="no-dot"),
        pytest.param(FirstBytes(sni="example.com"), None, id="parent"),
        pytest.param(FirstBytes(host="chat.example.com"), None, id="host-is-not-sni"),
        pytest.param(FirstBytes(alpn=("h2", "mqtt")), "mqtt", id="one-of-its-protocols"),
        pytest.param(FirstBytes(alpn=("mqtt5",)), "mqtt", id="one-of-the-routes-protocols"),
        pytest.param(FirstBytes(alpn=("MQTT",)), None, id="protocols-have-case"),
        pytest.param(FirstBytes(sni="a.chat.example.com", alpn=("mqtt",)), "chat", id="first-wins"),
        pytest.param(FirstBytes(host="api.example.com", path="/socket.io/"), "sio", id="host-and-path"),
        pytest.param(FirstBytes(host="api.example.com", path="/socket.io"), "rest", id="not-all-of-the-prefix"),
        pytest.param(FirstBytes(host="api.example.com", path="/"), "rest", id="host-alone"),
        pytest.param(FirstBytes(host="x", path="/static/a"), "static", id="path-alone"),
        pytest.param(FirstBytes(host="x", path="/statics"), "static", id="prefix-is-plain-text"),
        pytest.param(FirstBytes(host="x", path="/Static"), None, id="paths-have-case"),
        pytest.param(FirstBytes(sni="old.example.com"), "", id="refused"),
        pytest.param(FirstBytes(sni="tls.example.com", alpn=("h2",)), "both", id="both-conditions"),
        pytest.param(FirstBytes(sni="tls.example.com"), None, id="one-of-both"),
        pytest.param(FirstBytes(), None, id="nothing-known"),
    ],
)
def test_the_first_route_wins_whose_conditions_are_all_met(known: FirstBytes, pool: str | None) -> None:
    assert ROUTES.pool_for(known) == pool


def test_without_routes_nothing_matches_and_nothing_is_needed() -> None:
    assert Routes().pool_for(FirstBytes(sni="a")) is None
    assert not Routes().needs_hello
    assert not Routes().needs_head


@pytest.mark.parametrize(
    ("routes", "hello", "head"),
    [
        ([CHAT], True, False),
        ([MQTT], True, False),
        ([SIO], False, True),
        ([STATIC], False, True),
        ([CHAT, REST], True, True),
        ([EVERYBODY], False, False),
        ([CHAT, EVERYBODY, REST], True, False),
        ([EVERYBODY, CHAT, REST], False, False),
    ],
)
def test_only_first_bytes_that_make_a_difference_are_needed(routes: Sequence[Route], hello: bool, head: bool) -> None:  # noqa: FBT001
    found = Routes(routes)
    assert (found.needs_hello, found.needs_head) == (hello, head)


def test_a_route_without_conditions_is_for_everybody_and_ends_the_list() -> None:
    routes = Routes([CHAT, EVERYBODY, REST])
    assert routes.pool_for(FirstBytes()) == "all"
    assert routes.pool_for(FirstBytes(host="api.example.com")) == "all"
    assert routes.pool_for(FirstBytes(sni="chat.example.com")) == "chat"


NAMES = ["", "a", "b", "a.x", "b.x", "a.b.x"]
PATTERNS = st.lists(st.sampled_from(["a", "b", "a.x", "b.x", "a.b.x", "*.x", "*.b.x"]), max_size=3).map(tuple)
PROTOCOLS = st.lists(st.sampled_from(["h2", "mqtt"]), max_size=2).map(tuple)
SOME_ROUTES = st.lists(
    st.builds(Route, st.sampled_from("pqrs"), PATTERNS, PROTOCOLS, PATTERNS, st.sampled_from(["", "/", "/a", "/a/"])),
    max_size=8,
)
CLIENTS = st.builds(
    FirstBytes, st.sampled_from(NAMES), PROTOCOLS, st.sampled_from(NAMES), st.sampled_from(["", "/", "/a", "/a/b"])
)


@given(SOME_ROUTES, CLIENTS)
def test_a_route_is_found_as_by_trying_one_after_the_other(routes: list[Route], known: FirstBytes) -> None:
    assert Routes(routes).pool_for(known) == next((route.pool for route in routes if meets(known, route)), None)


def meets(known: FirstBytes, route: Route) -> bool:
    """What the documentation says, in the plainest way."""
    return (
        (not route.sni or is_named(known.sni, route.sni))
        and (not route.alpn or not set(route.alpn).isdisjoint(known.alpn))
        and (not route.hosts or is_named(known.host, route.hosts))
        and known.path.startswith(route.path_prefix)
    )


def is_named(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) and name.count(".") == pattern.count(".") for pattern in patterns)


def test_thousands_of_names_are_not_tried_one_after_the_other() -> None:
    names = [f"{number}.example.com" for number in range(10_000)]
    many = Routes(Route(name, sni=(name,)) for name in names)
    one = Routes([Route("one", hosts=tuple(names))])
    began = process_time()
    for _ in range(1000):
        assert many.pool_for(FirstBytes(sni=names[-1])) == names[-1]
        assert one.pool_for(FirstBytes(host=names[-1])) == "one"
    assert process_time() - began < 1


def test_a_route_can_be_sent_to_another_process_as_part_of_the_settings() -> None:
    route = Route("chat", ("a.example",), ("h2",), ("b.example",), "/v1/")
    assert pickle.loads(pickle.dumps(route)) == route
