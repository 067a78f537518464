"""A DNS server on loopback that gives fuzzed answers, over UDP only: who comes over TCP is refused."""

import asyncio
from collections.abc import Iterable
from functools import cache
from typing import cast

import dns.exception
import dns.message
import dns.rcode

from tests.fuzz.loop import close_at_end, the_loop
from tidegate.control.discovery.dns_client import DnsClient
from tidegate.core.address import Address

TIMEOUT = 0.1
ID = 2
"""Bytes at the beginning of a message, which are the question's."""

_answers: list[bytes] = []


def serve(messages: Iterable[bytes]) -> None:
    """Give these answers to the next questions, without their id. Then no name exists any more."""
    _answers[:] = messages
    address()


def client() -> DnsClient:
    """A client of the server."""
    return DnsClient(address(), resolv_conf="/dev/null", timeout=TIMEOUT)


@cache
def address() -> Address:
    """The address of the server, which starts with the first call, outside of the loop."""
    starting = the_loop().create_datagram_endpoint(_Server, local_addr=("127.0.0.1", 0))
    transport, _ = the_loop().run_until_complete(starting)
    close_at_end(transport.close)
    return Address(*transport.get_extra_info("sockname"))


class _Server(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = data[:ID] + (_answers.pop(0) if _answers else b"")
        self._transport.sendto(answer if _is_taken(data, answer) else _no_such_name(data), addr)


def _is_taken(query: bytes, answer: bytes) -> bool:
    """Whether a client looks at this answer. It goes on waiting after one that it cannot read, which takes too long."""
    try:
        return dns.message.from_wire(query).is_response(dns.message.from_wire(answer, raise_on_truncation=False))
    except dns.exception.DNSException:
        return False


def _no_such_name(query: bytes) -> bytes:
    response = dns.message.make_response(dns.message.from_wire(query))
    response.set_rcode(dns.rcode.NXDOMAIN)
    return response.to_wire()
