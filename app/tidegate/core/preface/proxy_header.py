"""The header of the PROXY protocol before a client's first bytes: HAProxy's proxy-protocol.txt, versions 1 and 2.

A connection from a network in `proxy_protocol.from` must begin with one. The specification forbids to guess (section 2), so
there is no `NotThis`: any other bytes are malformed, from the first byte that can not belong to a header.
"""

from tidegate.core.preface.outcome import Incomplete, Malformed
from tidegate.core.preface.proxy_facts import ProxyHeader
from tidegate.core.preface.proxy_v1 import KEYWORD, LONGEST_LINE, read_v1
from tidegate.core.preface.proxy_v2 import LONGEST_V2, SIGNATURE, read_v2

LONGEST_PROXY_HEADER = max(LONGEST_LINE, LONGEST_V2)
"""Bytes after which a header is complete or malformed."""


def read_proxy_header(data: bytes) -> ProxyHeader | Incomplete | Malformed:
    """Read the header at the beginning of a stream."""
    if data.startswith(KEYWORD):
        return read_v1(data)
    if data.startswith(SIGNATURE):
        return read_v2(data)
    if KEYWORD.startswith(data) or SIGNATURE.startswith(data):
        return Incomplete(len(data) + 1)
    return Malformed("no PROXY header")
