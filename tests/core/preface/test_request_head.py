"""Method, host and path of an HTTP/1 request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.first_bytes import check_growing
from tidegate.core.preface.outcome import NOT_THIS, Incomplete, Malformed
from tidegate.core.preface.request_head import RequestHead, read_request_head

TWO_HOSTS = "an HTTP request with two fields Host"
BAD_FIELD = "an HTTP request with a malformed field"
BAD_BYTE = "an HTTP request with a control character, or with a CR or LF alone"
BAD_HOST = "an HTTP request with an invalid host"
NO_HOST = "an HTTP request with an empty host"
BAD_TARGET = "an HTTP request with an invalid target"
NO_CRLF = "an HTTP request whose first line does not end with CRLF"
TOO_LONG = "the head of an HTTP request of more than 16 KiB"


def head(line: str, *fields: str) -> bytes:
    return "".join(f"{part}\r\n" for part in (line, *fields, "")).encode("latin-1")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["GET / HTTP/1.1", "Host: a"], ("GET", "a", "/"), id="shortest"),
        pytest.param(
            ["GET /socket.io/?EIO=4&t=? HTTP/1.1", "Accept: */*", "HOST:\t Chat.Example.com.:8080 \t", "X: y"],
            ("GET", "chat.example.com", "/socket.io/"),
            id="socketio",
        ),
        pytest.param(["GET /a/../b%2f//c HTTP/1.1", "Host: a"], ("GET", "a", "/a/../b%2f//c"), id="path-as-it-is"),
        pytest.param(["POST / HTTP/1.0"], ("POST", "", "/"), id="no-host"),
        pytest.param(["GET / HTTP/1.1", "Host:"], ("GET", "", "/"), id="empty-host"),
        pytest.param(["GET / HTTP/1.1", "Host: [2001:DB8::0:5]:80"], ("GET", "2001:db8::5", "/"), id="ipv6"),
        pytest.param(["GET / HTTP/1.1", "Host: 10.0.0.5:80"], ("GET", "10.0.0.5", "/"), id="ipv4"),
        pytest.param(["OPTIONS * HTTP/1.1", "Host: a"], ("OPTIONS", "a", "*"), id="asterisk"),
        pytest.param(["CONNECT B.example:443 HTTP/1.1", "Host: a"], ("CONNECT", "b.example", ""), id="connect"),
        pytest.param(["CONNECT [::1]:443 HTTP/1.1"], ("CONNECT", "::1", ""), id="connect-ipv6"),
        pytest.param(["GET http://B.example:80/x?y HTTP/1.1", "Host: a"], ("GET", "b.example", "/x"), id="absolute"),
        pytest.param(["GET ws://b?y HTTP/1.1", "Host: a"], ("GET", "b", "/"), id="absolute-without-path"),
        pytest.param(["M-SEARCH / HTTP/1.1", "Host: a"], ("M-SEARCH", "a", "/"), id="another-method"),
        pytest.param(["GET / HTTP/1.1", "Hostess: b", "X-Host: c", "Host: a"], ("GET", "a", "/"), id="other-fields"),
        pytest.param(
            ["GET / HTTP/1.1", "X: \x80caf\xe9\tau  lait\xff", "Y:", "Z: ", "Host: a"], ("GET", "a", "/"), id="any"
        ),
    ],
)
@pytest.mark.parametrize("before", [b"", b"\r\n"], ids=["", "an-empty-line-before"])
def test_a_complete_head_says_method_host_and_path(lines: list[str], expected: tuple[str, str, str], before: bytes) -> None:
    method, host, path = expected
    data = before + head(*lines)
    facts = RequestHead(method, lines[0].split(" ")[1], host, path)
    assert check_growing(read_request_head, data + b"\0body\r\n\r\nHost: x\r\n\r\n") == facts
    assert read_request_head(data[:-1]) == Incomplete(len(data))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(head("GET / HTTP/1.1", "Host: a", "Host: a"), TWO_HOSTS, id="host-twice"),
        pytest.param(head("GET / HTTP/1.1", "Host: a", "X: y", "hOST:"), TWO_HOSTS, id="empty-host-second"),
        pytest.param(head("GET http://b/ HTTP/1.1", "Host: a", "Host: b"), TWO_HOSTS, id="host-twice-though-in-target"),
        pytest.param(head("GET / HTTP/1.1", "Host: a", " b"), BAD_FIELD, id="folded"),
        pytest.param(head("GET / HTTP/1.1", " Host: a"), BAD_FIELD, id="space-first"),
        pytest.param(head("GET / HTTP/1.1", "Host : a"), BAD_FIELD, id="space-before-colon"),
        pytest.param(head("GET / HTTP/1.1", "Host\t: a"), BAD_FIELD, id="tab-before-colon"),
        pytest.param(head("GET / HTTP/1.1", "Host"), BAD_FIELD, id="no-colon"),
        pytest.param(head("GET / HTTP/1.1", ": a"), BAD_FIELD, id="no-name"),
        pytest.param(head("GET / HTTP/1.1", "H\xf6st: a"), BAD_FIELD, id="name-not-ascii"),
        pytest.param(head("GET / HTTP/1.1", "X: a\rb"), BAD_BYTE, id="cr-alone"),
        pytest.param(head("GET / HTTP/1.1", "X: a\nHost: b"), BAD_BYTE, id="lf-alone"),
        pytest.param(head("GET / HTTP/1.1", "X: a\r\r"), BAD_BYTE, id="cr-twice"),
        pytest.param(head("GET / HTTP/1.1", "X: a\0"), BAD_BYTE, id="nul"),
        pytest.param(head("GET / HTTP/1.1", "X: \x7f"), BAD_BYTE, id="del"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\n\n", BAD_BYTE, id="lf-for-crlf"),
        pytest.param(b"GET / HTTP/1.1\nHost: a\n\n", NO_CRLF, id="lf-after-the-first-line"),
        pytest.param(b"GET / HTTP/1.1 \r\n\r\n", NO_CRLF, id="space-after-the-version"),
        pytest.param(b"GET / HTTP/1.0\rX", NO_CRLF, id="cr-after-the-first-line"),
        pytest.param(head("GET / HTTP/1.1", "Host: a b"), BAD_HOST, id="space-in-host"),
        pytest.param(head("GET / HTTP/1.1", "Host: u@a"), BAD_HOST, id="user"),
        pytest.param(head("GET / HTTP/1.1", "Host: a/b"), BAD_HOST, id="path-in-host"),
        pytest.param(head("GET / HTTP/1.1", "Host: ::1"), BAD_HOST, id="ipv6-without-brackets"),
        pytest.param(head("GET http://u@b/ HTTP/1.1", "Host: a"), BAD_HOST, id="user-in-target"),
        pytest.param(head("GET http://b/ HTTP/1.1", "Host: a b"), BAD_HOST, id="bad-host-though-in-target"),
        pytest.param(head("GET http://:80/ HTTP/1.1", "Host: a"), NO_HOST, id="no-host-in-target"),
        pytest.param(head("CONNECT :80 HTTP/1.1", "Host: a"), BAD_TARGET, id="connect-without-host"),
        pytest.param(head("CONNECT a HTTP/1.1", "Host: a"), BAD_TARGET, id="connect-without-port"),
        pytest.param(head("CONNECT [::1] HTTP/1.1", "Host: a"), BAD_TARGET, id="connect-ipv6-without-port"),
        pytest.param(head("CONNECT /a HTTP/1.1", "Host: a"), BAD_TARGET, id="connect-to-a-path"),
        pytest.param(head("GET * HTTP/1.1", "Host: a"), BAD_TARGET, id="asterisk-of-another-method"),
        pytest.param(head("GET a HTTP/1.1", "Host: a"), BAD_TARGET, id="relative"),
        pytest.param(head("GET http:/// HTTP/1.1", "Host: a"), BAD_TARGET, id="absolute-without-authority"),
        pytest.param(head("GET 1http://a/ HTTP/1.1", "Host: a"), BAD_TARGET, id="no-scheme"),
        pytest.param(head("GET /a#b HTTP/1.1", "Host: a"), BAD_TARGET, id="fragment"),
    ],
)  # fmt: skip
def test_a_request_against_the_rules_is_malformed(data: bytes, reason: str) -> None:
    assert check_growing(read_request_head, data + b"\r\n\r\n") == Malformed(reason)


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(b"\x16", id="tls"),
        pytest.param(b"\0", id="postgres"),
        pytest.param(b" ", id="space"),
        pytest.param(b"*3\r", id="redis"),
        pytest.param(b"PING\r", id="a-word"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r", id="ssh"),
        pytest.param(b"x" * 33, id="a-long-word"),
    ],
)
def test_another_protocol_is_told_at_the_byte_that_says_so(beginning: bytes) -> None:
    assert check_growing(read_request_head, beginning + b" HTTP/1.1\r\nHost: a\r\n\r\n") == NOT_THIS
    assert read_request_head(beginning) == NOT_THIS
    assert read_request_head(beginning[:-1]) == Incomplete(len(beginning))


@pytest.mark.parametrize(
    "line", [b"GET /\r\n", b"HELO mail.example.com\r\n", b"GET / FTP\n", b"GET / HTTP/2.0\r\n", b"PRI * HTTP/2.0\r\n"]
)
def test_another_protocol_that_begins_with_a_word_is_told_by_its_first_line(line: bytes) -> None:
    assert check_growing(read_request_head, line + b"Host: a\r\n\r\n") == NOT_THIS
    assert read_request_head(line) == NOT_THIS
    assert read_request_head(line[:-1]) == Incomplete(len(line))


@pytest.mark.parametrize(
    "line",
    [
        b"GET  / HTTP/1.1", b"GET /  HTTP/1.1", b"GET / HTTP/1.2", b"GET / http/1.1", b"GET /\x80 HTTP/1.1", b"GET HTTP/1.1",
        b"GET /\tHTTP/1.1", b"GET / / HTTP/1.1",
    ],
)  # fmt: skip
def test_a_first_line_that_some_servers_understand_does_not_pass_for_another_protocol(line: bytes) -> None:
    assert isinstance(check_growing(read_request_head, line + b"\r\nHost: a\r\n\r\n"), Malformed)


@pytest.mark.parametrize("before", [b"\n", b"\r\n", b"\r\n\r\n", b"\n\n", b"\r"])
def test_empty_lines_before_a_request_hide_nothing(before: bytes) -> None:
    found = check_growing(read_request_head, before + head("GET / HTTP/1.1", "Host: old.example.com") + b"\r\n\r\n")
    assert isinstance(found, RequestHead)
    assert found.host == "old.example.com"


def test_a_bad_byte_is_refused_before_the_end_of_the_head() -> None:
    assert read_request_head(b"GET / HTTP/1.1\r\nX: \0") == Malformed(BAD_BYTE)
    assert read_request_head(b"GET / HTTP/1.1\r\nX: \r") == Incomplete(21)
    assert read_request_head(b"GET / HTTP/1.1\r\nX: \rY") == Malformed(BAD_BYTE)
    assert read_request_head(b"GET / HTTP/1.1\r\n\n") == Malformed(BAD_BYTE)


def test_a_head_has_up_to_16_kib() -> None:
    room = 16384 - len(head("GET / HTTP/1.1", "X: ", "Host: a"))
    longest = head("GET / HTTP/1.1", "X: " + "y" * room, "Host: a")
    assert read_request_head(longest + b"body") == RequestHead("GET", "/", "a", "/")
    assert read_request_head(longest[:-1]) == Incomplete(16384)
    too_long = head("GET / HTTP/1.1", "X: " + "y" * (room + 1), "Host: a")
    assert read_request_head(too_long[:-1]) == read_request_head(too_long) == Malformed(TOO_LONG)
    assert read_request_head(b"GET /" + b"x" * 16384) == Malformed(TOO_LONG)


PIECES = st.sampled_from(
    [
        "GET",
        " ",
        "/",
        "http://a",
        "*",
        "?",
        "HTTP/1.1",
        "HTTP/1.0",
        "\r\n",
        "\r",
        "\n",
        "Host",
        ":",
        "a",
        "[::1]",
        "\0",
        "\xff",
        "#",
    ]
)


@given(
    st.sampled_from(["", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: "]),
    st.lists(PIECES, max_size=15),
    st.binary(max_size=9),
)
def test_any_bytes_have_a_result_that_more_bytes_do_not_change(start: str, pieces: list[str], rest: bytes) -> None:
    outcome = check_growing(read_request_head, (start + "".join(pieces)).encode("latin-1") + rest)
    if isinstance(outcome, RequestHead):
        assert outcome.target.isascii()
        assert outcome.target.isprintable()
        assert outcome.host == outcome.host.lower()
        assert outcome.path in outcome.target or outcome.path == "/"


def test_fields_with_many_spaces_are_read_within_a_moment() -> None:
    data = head("GET / HTTP/1.1", "X: a" + " " * 8000 + "b", "Host:" + " " * 8000 + "a")
    assert read_request_head(data) == RequestHead("GET", "/", "a", "/")
