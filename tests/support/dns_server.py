"""A DNS server in the test's own process, over real UDP and TCP: it knows what a test tells it, and fails as it is told."""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto
from typing import NamedTuple, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

SOA = "ns.test. admin.test. 1 60 60 60 5"


class Fault(Enum):
    """What a server may do instead of answering."""

    SILENCE = auto()
    SERVFAIL = auto()
    REFUSED = auto()
    NXDOMAIN = auto()
    GARBAGE = auto()
    FOREIGN_QUESTION = auto()


class Question(NamedTuple):
    """What was asked, and whether it came over `udp` or `tcp`."""

    name: str
    type: str
    transport: str


class DnsServer:
    """Records by name and type; a name without any does not exist. `questions` has what was asked.

    The `faults` are for the next questions, one each; `fault` is for all after them. Over UDP answers come
    after `delay` seconds.
    """

    def __init__(self) -> None:
        self.ttl = 60
        self.delay = 0.0
        self.fault: Fault | None = None
        self.faults: deque[Fault] = deque()
        self.truncates = False
        self.questions: list[Question] = []
        self.port = 0
        self._records: dict[str, dict[str, list[str]]] = {}
        self._additional: list[dns.rrset.RRset] = []

    @property
    def resolver(self) -> str:
        """What `dns.resolver` is for this server."""
        return f"127.0.0.1:{self.port}"

    def set(self, name: str, record_type: str, *records: str) -> None:
        """The name has exactly these records of the type; without any it exists all the same."""
        self._records.setdefault(name, {})[record_type] = list(records)

    def remove(self, name: str) -> None:
        """The name does not exist any more."""
        self._records.pop(name, None)

    def add_to_answers(self, name: str, record_type: str, *records: str) -> None:
        """Put these records into the additional section of every answer."""
        self._additional.append(dns.rrset.from_text(name, self.ttl, "IN", record_type, *records))

    def asked(self, record_type: str, transport: str = "udp") -> int:
        """How many questions for records of this type have come."""
        return sum(question.type == record_type and question.transport == transport for question in self.questions)

    def answer(self, wire: bytes, transport: str) -> bytes | None:
        """The answer to a question, or None for silence."""
        query = dns.message.from_wire(wire)
        (question,) = query.question
        name, record_type = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
        self.questions.append(Question(name, record_type, transport))
        fault = self.faults.popleft() if self.faults else self.fault
        match fault:
            case Fault.SILENCE:
                return None
            case Fault.GARBAGE:
                return wire[:2] + b"\xff" * 40
            case Fault.FOREIGN_QUESTION:
                other = dns.message.make_query("other.test.", "A")
                other.id = query.id
                return dns.message.make_response(other).to_wire()
            case Fault.SERVFAIL | Fault.REFUSED | Fault.NXDOMAIN:
                response = dns.message.make_response(query)
                response.set_rcode(dns.rcode.from_text(fault.name))
                return response.to_wire()
        return self._answer(query, name, record_type, transport)

    def _answer(self, query: dns.message.Message, name: str, record_type: str, transport: str) -> bytes:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        response.additional.extend(self._additional)
        owner = name
        while alias := self._records.get(owner, {}).get("CNAME"):
            response.answer.append(dns.rrset.from_text(owner, self.ttl, "IN", "CNAME", *alias))
            owner = alias[0]
        records = self._records.get(owner, {}).get(record_type, [])
        if records:
            response.answer.append(dns.rrset.from_text(owner, self.ttl, "IN", record_type, *records))
        else:
            response.authority.append(dns.rrset.from_text("test.", self.ttl, "IN", "SOA", SOA))
        if owner not in self._records:
            response.set_rcode(dns.rcode.NXDOMAIN)
        if transport == "udp" and self.truncates:
            response.flags |= dns.flags.TC
            response.answer.clear()
        return response.to_wire(max_size=65535)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        if answer := self._server.answer(data, "udp"):
            asyncio.get_running_loop().call_later(self._server.delay, self._transport.sendto, answer, addr)


def _bound_together() -> tuple[socket.socket, socket.socket]:
    """A TCP and a UDP socket on the same port, which may be free for one and taken for the other."""
    while True:
        streaming, datagram = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        streaming.bind(("127.0.0.1", 0))
        try:
            datagram.bind(streaming.getsockname())
        except OSError:
            streaming.close()
            datagram.close()
        else:
            return streaming, datagram


@asynccontextmanager
async def running_dns_server() -> AsyncIterator[DnsServer]:
    """A server on a free port of 127.0.0.1, the same for UDP and TCP."""
    server = DnsServer()
    writers: set[asyncio.StreamWriter] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with suppress(OSError, EOFError):
            size = int.from_bytes(await reader.readexactly(2), "big")
            if answer := server.answer(await reader.readexactly(size), "tcp"):
                writer.write(len(answer).to_bytes(2, "big") + answer)
            await reader.read()
        writers.discard(writer)
        writer.close()

    streaming, datagram = _bound_together()
    server.port = streaming.getsockname()[1]
    streams = await asyncio.start_server(converse, sock=streaming)
    datagrams, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Datagrams(server), sock=datagram)
    try:
        yield server
    finally:
        datagrams.close()
        streams.close()
        for writer in list(writers):
            writer.transport.abort()
        await streams.wait_closed()
