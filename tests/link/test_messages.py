"""Messages as lines and back."""

from dataclasses import FrozenInstanceError, fields
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.options import LISTENER, POOL
from tidegate.core.pools.backend import Backend
from tidegate.core.preface.routes import Route
from tidegate.link.codec import decode, encode
from tidegate.link.messages import (
    BackendEntry,
    BackendsChanged,
    Down,
    ListenerAdded,
    Message,
    PoolAdded,
    Ready,
    SessionEntry,
    Sessions,
    Stop,
    Up,
)

KINDS: tuple[type[Message], ...] = get_args(Message)
PLAIN: dict[type, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(0, 2**64 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    NoneType: st.none(),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type that a field of a message has."""
    if kind in PLAIN:
        return PLAIN[kind]
    if get_origin(kind) is list:
        return st.lists(values(get_args(kind)[0]), max_size=5)
    if tuple in (kind, get_origin(kind)):  # compiled, an annotation does not say of what
        return st.lists(values(next(iter(get_args(kind)), str)), max_size=5).map(tuple)
    if isinstance(kind, UnionType):
        return st.one_of(*map(values, get_args(kind)))
    hints = get_type_hints(kind, localns={"Route": Route})
    return st.builds(kind, **{field.name: values(hints[field.name]) for field in fields(kind)})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_message_is_one_line_that_reads_back_as_itself(kind: type[Message], data: st.DataObject) -> None:
    message = data.draw(values(kind))
    line = encode(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    for received in (line, bytearray(line), memoryview(line)[:-1]):
        decoded = decode(received)
        assert type(decoded) is kind
        assert decoded == message


def test_messages_go_up_or_down_and_never_both_ways() -> None:
    assert set(get_args(Down)) | set(get_args(Up)) == set(KINDS)
    assert not set(get_args(Down)) & set(get_args(Up))


def test_a_line_is_plain_json_with_the_name_of_the_message() -> None:
    line = orjson.loads(encode(ListenerAdded("web", 3, "chat", ["127.0.0.1:1"], LISTENER)))
    assert line.pop("options")["connection"]["keepalive_idle"] == 60.0
    assert line == {"type": "ListenerAdded", "name": "web", "slot": 3, "pool": "chat", "binds": ["127.0.0.1:1"]}
    assert encode(Stop()) == b'{"type":"Stop"}\n'


def test_entries_within_a_message_are_values_again() -> None:
    entry = BackendEntry.of(
        Backend("a:1", "10.0.0.1", 1, weight=2, max_connections=3, backup=True, order=4), 7, eligible=True
    )
    assert entry == BackendEntry(7, True, "a:1", "10.0.0.1", 1, 2, 3, True, 4, None)
    changed = decode(encode(BackendsChanged("chat", [entry], ["b:1"])))
    assert isinstance(changed, BackendsChanged)
    assert changed.changed == [entry]
    session = SessionEntry("0-1", "10.0.0.9:1234", "web", "chat", None, 1.5, 10, 20, 0.5)
    added = decode(encode(PoolAdded("chat", 0, POOL)))
    assert isinstance(added, PoolAdded)
    assert added.options == POOL
    answer = decode(encode(Sessions(1, 2, [session])))
    assert isinstance(answer, Sessions)
    assert answer.sessions == [session]


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b"{}", b'{"type":"Nothing"}', b'{"type":"Ready"}', b'{"type":"Ready","listener":"a","more":1}'],
)
def test_a_line_that_is_no_message_is_an_error(line: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        decode(line)


@pytest.mark.parametrize("kind", [*KINDS, BackendEntry, SessionEntry], ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_messages_are_immutable(kind: type[Message], data: st.DataObject) -> None:
    message = data.draw(values(kind))
    for field in fields(message):
        with pytest.raises(FrozenInstanceError):
            setattr(message, field.name, None)


def test_decoding_leaves_the_line_as_it_was() -> None:
    line = bytearray(encode(Ready("web")))
    decode(line)
    assert line == encode(Ready("web"))
