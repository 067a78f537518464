"""Backends from DNS records, as settings."""

import re

import pytest
from pydantic import ValidationError

from tidegate.core.address import Address
from tidegate.settings.parts.dns import DnsSettings
from tidegate.settings.words import RecordType


def test_a_name_and_a_port_are_enough() -> None:
    dns = DnsSettings.model_validate({"name": "Chat.Default.svc", "port": "8001"})
    assert (dns.name, dns.port, dns.type, dns.resolver) == ("chat.default.svc", 8001, RecordType.AUTO, None)


def test_srv_records_need_no_port_and_have_names_with_underscores() -> None:
    dns = DnsSettings.model_validate({"name": "_ws._tcp.chat.", "type": "SRV", "resolver": "[fd00::10]:5353"})
    assert (dns.name, dns.type, dns.resolver) == ("_ws._tcp.chat.", RecordType.SRV, Address("fd00::10", 5353))


def test_without_a_name_nothing_is_asked() -> None:
    assert DnsSettings().name is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "10.0.0.5", "port": 1}, "expected a name to look up"),
        ({"name": "::1", "port": 1}, "expected a name to look up"),
        ({"name": "a b", "port": 1}, "is neither an IP address nor a host name"),
        ({"name": "a..b", "port": 1}, "is neither an IP address nor a host name"),
        ({"name": "x" * 64, "port": 1}, "is neither an IP address nor a host name"),
        ({"name": ["a"], "port": 1}, "expected a name to look up"),
        ({"name": "chat"}, "no port: expected a whole number from 1 to 65535, for auto records have none"),
        ({"name": "chat", "type": "a"}, "no port"),
        ({"name": "chat", "port": 0}, "expected a whole number from 1 to 65535"),
        ({"name": "chat", "type": "srv", "port": 1}, "SRV records have the ports of the backends"),
        ({"name": "chat", "port": 1, "type": "mx"}, "expected one of auto, a, aaaa, srv"),
        ({"name": "chat", "port": 1, "resolver": "ns.internal:53"}, "like 10.96.0.10:53 or [fd00::10]:53"),
        ({"name": "chat", "port": 1, "resolver": "10.96.0.10"}, "like 10.96.0.10:53 or [fd00::10]:53"),
        ({"type": "srv"}, "there is no name to look up: give dns.name"),
        ({"port": 1}, "there is no name to look up: give dns.name"),
        ({"resolver": "10.96.0.10:53"}, "there is no name to look up: give dns.name"),
    ],
)
def test_a_refusal_says_what_would_be_valid(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        DnsSettings.model_validate(given)
