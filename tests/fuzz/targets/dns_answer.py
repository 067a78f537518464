"""Answers of a DNS server, each after its length in two bytes. The first byte chooses between SRV and address records."""

import ipaddress

from tests.fuzz.dns_server import client, serve
from tests.fuzz.loop import run
from tests.fuzz.reasons import check_reason
from tidegate.control.discovery.dns_answers import AddressRecords, Found, SrvRecords
from tidegate.control.discovery.dns_client import LookUpError

NAME = "chat.test."


def target(data: bytes) -> None:
    """Ask for the records of a name, and make backends of the answers."""
    serve(_messages(data[1:]))
    records = SrvRecords(client(), NAME) if data[:1] == b"s" else AddressRecords(client(), NAME, "auto", 80)
    try:
        _check(run(records.find()))
    except LookUpError as error:
        check_reason(error)


def _messages(data: bytes) -> list[bytes]:
    messages = []
    while len(data) > 2:
        length = int.from_bytes(data[:2], "big")
        messages.append(data[2 : 2 + length])
        data = data[2 + length :]
    return messages


def _check(found: Found) -> None:
    assert found.ttl >= 0
    assert found.backends or found.absence
    names = [backend.name for backend in found.backends]
    assert len(set(names)) == len(names)
    for backend in found.backends:
        assert 1 <= backend.port <= 65535
        for host in filter(None, backend.hosts):
            ipaddress.ip_address(host)
