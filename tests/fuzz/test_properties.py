"""What holds for inputs with a structure, which mutated bytes seldom have."""

import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.admin import answers_to, check
from tests.fuzz.inputs import kept
from tests.fuzz.kubernetes import WANTED
from tests.fuzz.link_end import BAD_LINE
from tests.fuzz.loop import run
from tests.fuzz.pieces import cut_at
from tests.fuzz.probing import probe
from tests.fuzz.response import events_of
from tests.support.slices import draining, endpoint, endpoint_slice, endpoints_object
from tidegate.control.discovery.kubernetes.stream import Event
from tidegate.control.discovery.kubernetes.trouble import ClusterError
from tidegate.core.discovery.endpoint_choice import choose
from tidegate.core.discovery.slices import Read, Store, read_endpoints, read_slice
from tidegate.link.codec import decode, encode

DATE = re.compile(rb"Date: [^\r]*")
CUTS = st.lists(st.integers(1, 600), max_size=6)
KINDS = ("http", "send_expect", "grpc", "redis", "postgres", "mysql", "smtp", "pop3", "imap")
DEEP: Any = orjson.loads(b"[" * 1000 + b"]" * 1000)
JSON = st.sampled_from([None, True, 0, -1, 2**63, 1e300, "", "x" * 300, "\x1b[31m", [], [[]], {}, {"name": []}, DEEP])
SLICE = endpoint_slice(
    "one", endpoint("10.0.0.1", ready=True, pod="web-1", nodeName="n", zone="a", zones=["a"]), draining("10.0.0.2")
)
SUBSET = {"addresses": [{"ip": "10.0.0.1", "targetRef": {"kind": "Pod", "name": "web-1"}}], "ports": [{"port": 80}]}
ENDPOINTS = endpoints_object("one", SUBSET, SUBSET)
OTHER = endpoint_slice("other", endpoint("10.0.0.9", ready=True))
LINES = {path.name: path.read_bytes() for path in kept("link_line")}


def places_in(value: Any, *keys: str | int) -> list[tuple[str | int, ...]]:
    """The keys to everything inside a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in inside for place in [(*keys, key), *places_in(item, *keys, key)]]


def with_another(value: Any, place: tuple[str | int, ...], other: Any) -> Any:
    """A copy of the JSON value with another one at this place."""
    copy = orjson.loads(orjson.dumps(value))
    *parents, last = place
    inside = copy
    for key in parents:
        inside = inside[key]
    inside[last] = other
    return copy


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), cuts=CUTS)
def test_a_probe_does_not_depend_on_how_its_answer_is_cut(kind: str, data: st.DataObject, cuts: list[int]) -> None:
    answer = data.draw(st.sampled_from(kept(f"probe_{kind}"))).read_bytes()
    assert probe(kind, *cut_at(answer, cuts)) == probe(kind, answer)


REQUEST = st.builds(
    lambda method, target, version, fields, body: f"{method} {target} {version}\r\n{fields}\r\n{body}".encode(),
    st.sampled_from(["GET", "POST", "get", "OPTIONS", "G\x00T"]),
    st.sampled_from(["/healthz", "/status?pool=chat", "/status?state=%ff&x", "/connections?limit=0", "//[", "/%00\x7f"]),
    st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", ""]),
    st.lists(
        st.sampled_from(["Host: localhost", "Host: [::1", "Content-Length: 3", "Transfer-Encoding: chunked", "Expect: x",
                         "Connection: close", "Forwarded: for=x", "Authorization: Bearer x", ": ", "X"]),
        max_size=4,
    ).map(lambda fields: "".join(f"{field}\r\n" for field in fields)),
    st.sampled_from(["", "abc", "3\r\nabc\r\n0\r\n\r\n"]),
)  # fmt: skip


@given(st.lists(REQUEST, max_size=3), CUTS)
def test_the_admin_port_answers_the_same_however_requests_are_cut(requests: list[bytes], cuts: list[int]) -> None:
    sent = b"".join(requests)
    whole, cut = answers_to([sent]), answers_to(cut_at(sent, cuts))
    check(whole, may_be_head=False)
    assert DATE.sub(b"", cut) == DATE.sub(b"", whole)


@given(st.data(), CUTS)
def test_events_of_a_watch_do_not_depend_on_how_its_stream_is_cut(data: st.DataObject, cuts: list[int]) -> None:
    stream = data.draw(st.sampled_from(kept("watch_stream"))).read_bytes()
    assert events_or_reason(cut_at(stream, cuts)) == events_or_reason([stream])


def events_or_reason(chunks: list[bytes]) -> list[Event] | str:
    try:
        return run(events_of(chunks))
    except ClusterError as error:
        return str(error)


@pytest.mark.parametrize(("read", "item"), [(read_slice, SLICE), (read_endpoints, ENDPOINTS)], ids=["slice", "endpoints"])
@given(data=st.data(), other=JSON)
def test_an_object_with_anything_in_it_costs_other_objects_nothing(
    read: Read, item: Any, data: st.DataObject, other: Any
) -> None:
    odd = with_another(item, data.draw(st.sampled_from(places_in(item))), other)
    neighbour = OTHER if read is read_slice else endpoints_object("other", {"addresses": [{"ip": "10.0.0.9"}]})
    store = Store(read).listed([neighbour]).after("ADDED", odd)
    assert "10.0.0.9" in {endpoint.address for part in store.slices for endpoint in part.endpoints}
    for wanted in WANTED:
        choose(store.slices, wanted)


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
@given(data=st.data(), other=JSON)
def test_a_message_with_anything_in_it_is_an_error_of_the_link_or_reads_back(
    line: bytes, data: st.DataObject, other: Any
) -> None:
    body = orjson.loads(line)
    odd = with_another(body, data.draw(st.sampled_from(places_in(body) or [(0,)])), other) if body else [other]
    try:
        message = decode(orjson.dumps(odd))
    except BAD_LINE:
        return
    assert decode(encode(message)) == message
