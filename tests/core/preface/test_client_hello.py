"""Names and protocols in a ClientHello."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.first_bytes import (
    check_growing,
    hello_message,
    in_records,
    message_of,
    protocols,
    real_hello,
    server_names,
    vector,
)
from tidegate.core.preface.client_hello import ClientHello, read_client_hello
from tidegate.core.preface.outcome import NOT_THIS, Incomplete, Malformed

NAME = server_names(b"chat.example.com")
HELLO = hello_message(NAME, protocols(b"h2", b"http/1.1"))
FACTS = ClientHello("chat.example.com", ("h2", "http/1.1"))
NOTHING = ClientHello("", ())
GREASE = 0x3A3A
SHORTER, LONGER = "a ClientHello is shorter than its parts", "a ClientHello is longer than its parts"


@pytest.mark.parametrize("latest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", ["chat.example.com", "Chat.Example.COM", "a", None])
@pytest.mark.parametrize("alpn", [[], ["h2", "http/1.1"], ["mqtt"]])
def test_a_hello_of_openssl_says_name_and_protocols_once_it_is_complete(
    latest: ssl.TLSVersion, name: str | None, alpn: list[str]
) -> None:
    hello = real_hello(name, alpn, latest)
    assert check_growing(read_client_hello, hello + b"early data") == ClientHello((name or "").lower(), tuple(alpn))
    assert read_client_hello(hello[:-1]) == Incomplete(len(hello))
    assert read_client_hello(hello[:5]) == Incomplete(6)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 100, 16384])
@pytest.mark.parametrize("minor", [1, 2, 3])
def test_a_hello_may_come_in_records_of_any_size(size: int, minor: int) -> None:
    message = real_hello("chat.example.com", ["h2"])[5:]
    stream = in_records(message, size, minor)
    facts = ClientHello("chat.example.com", ("h2",))
    assert read_client_hello(stream) == facts
    assert check_growing(read_client_hello, stream + b"\x17", range(0, len(stream), 7)) == facts
    assert check_growing(read_client_hello, in_records(HELLO, size, minor)) == FACTS


@pytest.mark.parametrize("size", [1, 50, 16384])
def test_what_comes_after_a_hello_in_its_record_is_not_looked_at(size: int) -> None:
    assert read_client_hello(in_records(HELLO + message_of(b"more", 20), size)) == FACTS


@pytest.mark.parametrize(
    ("message", "facts"),
    [
        pytest.param(hello_message(), NOTHING, id="no-extension"),
        pytest.param(message_of(b"\3\1" + bytes(32) + b"\0\0\2\0\x2f\1\0"), NOTHING, id="no-extensions-at-all"),
        pytest.param(hello_message(session_id=bytes(32)), NOTHING, id="session-id"),
        pytest.param(
            hello_message(server_names(b"Chat.Example.com.")), ClientHello("chat.example.com", ()), id="dot-and-case"
        ),
        pytest.param(hello_message(server_names(b"10.0.0.5")), NOTHING, id="ipv4"),
        pytest.param(hello_message(server_names(b"2001:db8::5")), NOTHING, id="ipv6"),
        pytest.param(hello_message(server_names(b"")), NOTHING, id="empty-name"),
        pytest.param(hello_message(server_names(b"a\nb")), NOTHING, id="control-character"),
        pytest.param(hello_message(server_names("chät".encode())), NOTHING, id="not-ascii"),
        pytest.param(hello_message(server_names(b"chat", kind=1)), NOTHING, id="a-name-of-another-kind"),
        pytest.param(hello_message((0, vector(2, b"\1\0\1x\0\0\1y"))), ClientHello("y", ()), id="two-kinds-of-names"),
        pytest.param(
            hello_message(protocols(*(bytes([high << 4 | 10] * 2) for high in range(16)), b"h2")),
            ClientHello("", ("h2",)),
            id="grease-protocol",
        ),
        pytest.param(
            hello_message(protocols(b"a b", b"\x7f", b"a\n", b"\xff")), ClientHello("", ("a b",)), id="unprintable"
        ),
        pytest.param(hello_message((GREASE, b"\0"), NAME, (0xFAFA, b"")), ClientHello("chat.example.com", ()), id="grease"),
        pytest.param(hello_message(NAME, (0xFE0D, bytes(200))), ClientHello("chat.example.com", ()), id="encrypted-hello"),
    ],
)
def test_only_valid_names_and_printable_protocols_are_facts(message: bytes, facts: ClientHello) -> None:
    assert check_growing(read_client_hello, in_records(message, 16384)) == facts


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        pytest.param(hello_message(NAME, NAME), "an extension of a ClientHello comes twice", id="extension-twice"),
        pytest.param(hello_message((9, b""), (9, b"")), "an extension of a ClientHello comes twice", id="unknown-twice"),
        pytest.param(hello_message(server_names(b"a", b"b")), "a ClientHello with two server names", id="two-names"),
        pytest.param(hello_message((0, b"\0\0")), "a ClientHello with an empty list", id="no-names"),
        pytest.param(hello_message((0, b"")), SHORTER, id="names-without-length"),
        pytest.param(hello_message((0, vector(2, b"\0\0\5a"))), SHORTER, id="name-too-short"),
        pytest.param(hello_message((0, vector(2, b"\0\0\1a") + b"x")), LONGER, id="names-too-long"),
        pytest.param(hello_message((16, b"\0\0")), "a ClientHello with an empty list", id="no-protocols"),
        pytest.param(hello_message(protocols(b"")), "a ClientHello with an empty protocol", id="empty-protocol"),
        pytest.param(hello_message((16, vector(2, b"\2h"))), SHORTER, id="protocol-too-short"),
        pytest.param(hello_message((16, vector(2, b"\2h2") + b"x")), LONGER, id="protocols-too-long"),
        pytest.param(hello_message(tail=b"x"), LONGER, id="more-after-extensions"),
        pytest.param(hello_message(session_id=bytes(33)), "a ClientHello with parts of the wrong length", id="long-session"),
        pytest.param(hello_message(suites=b""), "a ClientHello with parts of the wrong length", id="no-suites"),
        pytest.param(hello_message(suites=b"abc"), "a ClientHello with parts of the wrong length", id="odd-suites"),
        pytest.param(message_of(b"\3\3" + bytes(32) + b"\0\0\2\x13\1\0"), "a ClientHello with parts of the wrong length",
                     id="no-compression"),
        pytest.param(message_of(b""), SHORTER, id="empty"),
        pytest.param(message_of(bytes(34)), SHORTER, id="ends-after-random"),
        pytest.param(message_of(b"\3\3" + bytes(32) + b"\0\0\2\x13\1\1\0\0"), SHORTER, id="half-a-length"),
    ],
)  # fmt: skip
def test_a_hello_against_the_rules_is_malformed(message: bytes, reason: str) -> None:
    assert check_growing(read_client_hello, in_records(message, 16384) + b"x") == Malformed(reason)


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(b"\x15", id="alert"),
        pytest.param(b"\x17", id="data"),
        pytest.param(b"\x80", id="ssl2"),
        pytest.param(b"G", id="http"),
        pytest.param(b"\x16\x02", id="another-major-version"),
        pytest.param(b"\x16\x03\x01\x00\x50\x02", id="server-hello"),
        pytest.param(b"\x16\x03\x01\x00\x50\x00", id="hello-request"),
    ],
)
def test_another_protocol_is_told_at_the_byte_that_says_so(beginning: bytes) -> None:
    assert check_growing(read_client_hello, beginning + bytes(100)) == NOT_THIS
    assert read_client_hello(beginning) == NOT_THIS
    assert read_client_hello(beginning[:-1]) == Incomplete(len(beginning))


@pytest.mark.parametrize("minor", [0, 1, 3, 4, 9, 255])
def test_the_version_of_a_record_hides_no_name(minor: int) -> None:
    stream = bytearray(in_records(HELLO, 16384))
    stream[2] = minor
    assert read_client_hello(bytes(stream)) == read_client_hello(in_records(HELLO, 16384))


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"\x16\3\1\0\0", "a record of TLS without content, or with more than 16 KiB"),
        (b"\x16\3\1\x40\1", "a record of TLS without content, or with more than 16 KiB"),
        (in_records(HELLO[:20], 16384) + b"\x16\3\1\0\0", "a record of TLS without content, or with more than 16 KiB"),
        (in_records(HELLO[:20], 16384) + b"\x15", "a record of another kind within a ClientHello"),
        (in_records(HELLO[:20], 16384) + b"\x16\2", "a record of another kind within a ClientHello"),
        (in_records(b"\1\0\x40\0", 16384), "a ClientHello of more than 16 KiB"),
        (b"\x16\3\1\x40\0\1\xff\xff\xff", "a ClientHello of more than 16 KiB"),
    ],
)
def test_records_that_can_not_carry_a_hello_are_malformed(stream: bytes, reason: str) -> None:
    assert check_growing(read_client_hello, stream + bytes(30)) == Malformed(reason)
    assert read_client_hello(stream) == Malformed(reason)
    assert isinstance(read_client_hello(stream[:-1]), Incomplete)


def test_a_hello_has_up_to_16_kib_with_its_records() -> None:
    other = hello_message(NAME, (1, b""))
    room = 16384 - 5 - len(other)
    longest = in_records(hello_message(NAME, (1, bytes(room))), 16384)
    assert len(longest) == 16384
    assert check_growing(read_client_hello, longest + b"x", [0, 5, 9, 10, 16383]) == ClientHello("chat.example.com", ())
    too_long = in_records(hello_message(NAME, (1, bytes(room + 1))), 16384)
    assert read_client_hello(too_long[:9]) == read_client_hello(too_long) == Malformed("a ClientHello of more than 16 KiB")
    assert isinstance(read_client_hello(in_records(hello_message(NAME, (1, bytes(room))), 1000)), Malformed)


@given(st.sampled_from([b"", in_records(HELLO, 16384), in_records(HELLO, 9)]), st.data())
def test_any_bytes_have_a_result_that_more_bytes_do_not_change(stream: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(stream)))
    changed = stream[:cut] + data.draw(st.binary(max_size=30)) + stream[cut + data.draw(st.integers(0, 3)) :]
    outcome = check_growing(read_client_hello, changed)
    if isinstance(outcome, Malformed):
        assert outcome.reason.isascii()
        assert outcome.reason.isprintable()
    elif isinstance(outcome, ClientHello):
        assert "".join([outcome.server_name, *outcome.alpn]).isprintable()


@given(st.lists(st.integers(1, 80), min_size=1, max_size=20))
def test_facts_do_not_depend_on_how_a_hello_is_fragmented(sizes: list[int]) -> None:
    records, rest = b"", HELLO
    for size in sizes:
        records, rest = records + (in_records(rest[:size], size) if rest else b""), rest[size:]
    if rest:
        records += in_records(rest, 16384)
    assert check_growing(read_client_hello, records) == FACTS
