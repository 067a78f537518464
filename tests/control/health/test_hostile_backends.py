"""Peers that send without end, say nothing, trickle or break off: every kind of probe reads little and ends in time."""

import asyncio
import socket
from collections.abc import Iterator
from itertools import repeat
from time import monotonic
from typing import Any

import pytest

from tests.support.backends import Behaviour, running_backend, silent
from tests.support.namespace import in_own_network
from tests.support.peers import connect, listening
from tests.support.ports import free_port
from tests.support.probes import probe
from tidegate.control.health.connection import MOST_RECEIVED
from tidegate.control.health.kinds import PROBES
from tidegate.control.health.outcome import NoResourcesError
from tidegate.settings.words import HealthType

KINDS = [kind for kind in PROBES if kind != "tcp"]
NEEDED: dict[str, dict[str, Any]] = {
    "send_expect": {"send": "x", "expect": "never"},
    "redis": {"password": "s3cret"},
    "https": {"verify": False},
    "tls": {"verify": False},
}
KERNEL_BUFFERS = 8 << 20
FLOODS = {
    "noise": b"\x9d\x01\xfa" * 20_000,
    "lines": b"220-hi\r\n" * 8_000,
    "zeros": bytes(60_000),
    "HTTP headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000,
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 3_000,
    "mail": b"+OK hello\r\n* OK hello\r\n" * 3_000,
    "PostgreSQL": b"N" + (b"R\0\0\0\x08\0\0\0\0" + b"S\0\0\0\x06a\0" * 8_000),
    "MySQL": b"\x05\0\0\0\x0a8.0\0" + b"\x02\0\0\x02\xfe\0" * 9_000,
    "HTTP/2": b"\0\0\0\x04\0\0\0\0\0" * 6_000,
    "HTTP/2 pings": b"\0\0\0\x04\0\0\0\0\0" + (b"\0\0\x08\x06\0\0\0\0\0" + bytes(8)) * 3_000,
    "TLS alerts": b"\x15\x03\x03\0\x02\x01\0" * 8_000,
    "TLS records": b"\x16\x03\x03\x40\0" + bytes(16384) * 3,
}


class Flood:
    """Sends the same again and again, and counts what the other end has taken."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.taken = 0

    async def __call__(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for data in self._pieces():
            writer.write(data)
            await writer.drain()
            self.taken += len(data)

    def _pieces(self) -> Iterator[bytes]:
        yield self.data
        yield from repeat(self.data[len(self.data) // 2 :])


async def test_a_probe_that_meets_itself_is_refused_and_leaves_the_port_to_the_backend() -> None:
    only = 40_000

    async def story() -> None:
        for host in ("127.0.0.1", "::1", "0.0.0.0", "::"):
            assert await probe(only, "tcp", host=host) == "connection refused"
            assert await probe(only, "send_expect", host=host, send="x", expect="x") == "connection refused"
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as backend:
                backend.bind((host, only))

    await in_own_network(story, ports=range(only, only + 1))


async def test_a_probe_that_no_local_port_is_left_for_says_nothing_about_the_backend() -> None:
    async def story() -> None:
        refused = pytest.raises(NoResourcesError, match="no local port is left")
        with listening(port=free_port()) as backend, await connect(backend.address.port), refused:
            await probe(backend.address.port, "tcp")

    await in_own_network(story, ports=range(40_000, 40_001))


async def test_without_any_ipv6_address_here_a_backend_with_one_fails_its_probe() -> None:
    async def story() -> None:
        assert await probe(8001, "tcp", host="::1") == "network is unreachable"

    await in_own_network(story, ports=range(40_000, 50_000), ipv6=False)


def test_all_kinds_that_there_are_can_be_probed() -> None:
    assert set(PROBES) | {"none"} == set(HealthType)


@pytest.mark.parametrize("name", FLOODS)
async def test_a_peer_that_never_stops_sending_is_read_little_of_by_every_kind(name: str) -> None:
    for kind in KINDS:
        flood = Flood(FLOODS[name])
        async with running_backend(flood) as backend:
            await probe(backend.port, kind, timeout="5s", **NEEDED.get(kind, {}))
        assert flood.taken < MOST_RECEIVED + KERNEL_BUFFERS, kind


async def a_byte_at_a_time(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"1")
        await writer.drain()
        await asyncio.sleep(0.05)


async def break_off(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def close_after_a_word(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"2")
    await writer.drain()
    await reader.read(1)


@pytest.mark.parametrize("behaviour", [silent, a_byte_at_a_time, break_off, close_after_a_word])
async def test_a_peer_that_says_too_little_fails_every_kind_within_its_timeout(behaviour: Behaviour) -> None:
    async with running_backend(behaviour) as backend:
        began = monotonic()
        probes = (probe(backend.port, kind, timeout="500ms", **NEEDED.get(kind, {})) for kind in KINDS)
        reasons = dict(zip(KINDS, await asyncio.gather(*probes), strict=True))
        assert monotonic() - began < 5
    assert "ok" not in reasons.values()
    assert not [kind for kind, reason in reasons.items() if "internal error" in reason]


async def test_no_kind_has_a_bug_that_noise_can_find() -> None:
    """Beginnings of real answers, cut and continued with noise."""
    noise = [data[:length] + b"\xff\x00\x01\r\n" * 3 for data in FLOODS.values() for length in (1, 5, 12, 40, 200)]
    for data in noise:
        async with running_backend(saying(data)) as backend:
            probes = (probe(backend.port, kind, timeout="5s", **NEEDED.get(kind, {})) for kind in KINDS)
            reasons = dict(zip(KINDS, await asyncio.gather(*probes), strict=True))
        assert not [kind for kind, reason in reasons.items() if "internal error" in reason], data


def saying(data: bytes) -> Behaviour:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        writer.write_eof()
        await reader.read()

    return say
