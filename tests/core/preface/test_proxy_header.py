"""Which of both versions of the PROXY protocol a stream begins with, if any."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.first_bytes import check_growing
from tidegate.core.preface.outcome import Incomplete, Malformed
from tidegate.core.preface.proxy_facts import ProxyHeader
from tidegate.core.preface.proxy_header import LONGEST_PROXY_HEADER, read_proxy_header
from tidegate.core.preface.proxy_v1 import KEYWORD
from tidegate.core.preface.proxy_v2 import SIGNATURE

BEGINNINGS = st.sampled_from(
    [b"", b"PROXY ", b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN", SIGNATURE, SIGNATURE + b"\x21\x11\0\x0c"]
)


@pytest.mark.parametrize("start", [KEYWORD, SIGNATURE])
def test_the_beginning_of_either_version_is_incomplete_and_needs_one_more_byte(start: bytes) -> None:
    for length in range(len(start)):
        assert read_proxy_header(start[:length]) == Incomplete(length + 1)


@pytest.mark.parametrize("start", [KEYWORD, SIGNATURE])
def test_the_first_byte_that_differs_is_refused(start: bytes) -> None:
    for length in range(len(start)):
        assert read_proxy_header(start[:length] + b"\x01") == Malformed("no PROXY header")


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"\r\n\r\nPROXY", b"proxy TCP4", b"*1\r\n"])
def test_what_clients_say_without_a_proxy_is_malformed_where_a_header_is_required(data: bytes) -> None:
    assert read_proxy_header(data) == Malformed("no PROXY header")


@given(BEGINNINGS, st.binary(max_size=80))
@example(b"", b"")
def test_any_bytes_have_a_result_that_more_bytes_do_not_change(start: bytes, rest: bytes) -> None:
    outcome = check_growing(read_proxy_header, start + rest)
    if isinstance(outcome, ProxyHeader):
        assert outcome.length <= len(start + rest)
        assert read_proxy_header((start + rest)[: outcome.length]) == outcome
    elif isinstance(outcome, Malformed):
        assert outcome.reason.isascii()
        assert outcome.reason.isprintable()
    else:
        assert outcome.needed <= LONGEST_PROXY_HEADER
