"""The PROXY header before the first bytes of a client."""

import ipaddress

from tests.fuzz.reasons import check_reason
from tests.fuzz.streams import cuts_of
from tests.support.first_bytes import check_growing
from tidegate.core.preface.outcome import Incomplete, Malformed
from tidegate.core.preface.proxy_header import LONGEST_PROXY_HEADER, read_proxy_header
from tidegate.core.preface.proxy_v1 import write_v1
from tidegate.core.preface.proxy_v2 import SIGNATURE, write_v2

WORDS = [
    *(b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN", b"::ffff:", b" 65535", b"\r\n"),
    *(SIGNATURE, b"\x21\x11\0\x0c", b"\x21\x21\0\x24", b"\x20\0\0\0"),
    *(b"\1\0\2h2", b"\2\0\1a", b"\3\0\4", b"\4\0\0", b"\5\0\1x", b"\x20\0\5\1\0\0\0\0"),
]


def target(data: bytes) -> None:
    """Read a header: as long as it says, with addresses that are some, and what is written of it reads as the same."""
    header = check_growing(read_proxy_header, data, cuts_of(data))
    if isinstance(header, Malformed):
        check_reason(header.reason, 100)
        return
    if isinstance(header, Incomplete):
        assert header.needed <= LONGEST_PROXY_HEADER
        return
    assert header.length <= min(len(data), LONGEST_PROXY_HEADER)
    assert read_proxy_header(data[: header.length]) == header
    for host, port in header.endpoints or ():
        assert str(ipaddress.ip_address(host)) == host
        assert 0 <= port <= 65535
    again = read_proxy_header(write_v2(header.endpoints, header.tlvs))
    assert not isinstance(again, Malformed | Incomplete)
    assert (again.endpoints, again.tlvs) == (header.endpoints, header.tlvs)
    line = read_proxy_header(write_v1(header.endpoints))
    assert not isinstance(line, Malformed | Incomplete)
    assert line.endpoints == header.endpoints
