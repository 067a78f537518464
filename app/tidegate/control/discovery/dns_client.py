"""Asks DNS servers for addresses and SRV records. dnspython handles search domains, several servers, and TCP fallback.

Imported only if a pool needs it: it costs 4 MB and a tenth of a second.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.rdata
import dns.rdatatype
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
import dns.rdtypes.IN.SRV
import dns.resolver

from tidegate.core.address import Address, parse_host
from tidegate.core.discovery.dns_records import Target
from tidegate.core.shortening import shortened

RESOLV_CONF = "/etc/resolv.conf"
TIMEOUT = 5.0
LONGEST_REASON = 200
LARGEST_DATAGRAM = 1232
"""The largest datagram in bytes that is not fragmented on the way (DNS flag day 2020); larger answers come over TCP."""

_NO_NAME = "the name does not exist"
_ADDRESS_TYPES = {
    "auto": (dns.rdatatype.A, dns.rdatatype.AAAA),
    "a": (dns.rdatatype.A,),
    "aaaa": (dns.rdatatype.AAAA,),
}


class LookUpError(Exception):
    """No server has answered the question; the text says why."""


class Addresses(NamedTuple):
    """The IP addresses of a name; `ttl` in seconds; `absence` says why there are none."""

    addresses: list[str]
    ttl: float = 0.0
    absence: str = ""


class Targets(NamedTuple):
    """The SRV records of a name, and the addresses of targets that came with them; otherwise like `Addresses`."""

    targets: list[Target]
    addresses: dict[str, list[str]]
    ttl: float = 0.0
    absence: str = ""


class DnsClient:
    """Asks one server, or those of a resolv.conf. `timeout` in seconds limits one question, including all retries."""

    def __init__(self, server: Address | None = None, *, resolv_conf: str = RESOLV_CONF, timeout: float = TIMEOUT) -> None:
        self._server, self._resolv_conf, self._timeout = server, resolv_conf, timeout

    async def addresses(self, name: str, kind: str = "auto") -> Addresses:
        """The addresses of a name, of kind `a`, `aaaa`, or `auto`: IPv6 only if there is no IPv4. Raises LookUpError.

        `auto` returns one family only, because a pod with both would become two backends.
        """
        types = _ADDRESS_TYPES[kind]
        for record_type in types:
            answer = await self._ask(name, record_type)
            if answer is None:
                return Addresses([], absence=_NO_NAME)
            if answer.rrset is not None:
                return Addresses(_addresses(answer.rrset), answer.chaining_result.minimum_ttl)
        return Addresses([], absence=f"the name has no {' or '.join(record_type.name for record_type in types)} records")

    async def targets(self, name: str) -> Targets:
        """The SRV records of a name. Raises LookUpError."""
        answer = await self._ask(name, dns.rdatatype.SRV)
        if answer is None:
            return Targets([], {}, absence=_NO_NAME)
        if answer.rrset is None:
            return Targets([], {}, absence="the name has no SRV records")
        targets = [target for record in answer.rrset if (target := _target(record))]
        absence = "" if targets else "no SRV record of the name has a usable target"
        return Targets(targets, _glue(answer.response), answer.chaining_result.minimum_ttl, absence)

    async def _ask(self, name: str, record_type: dns.rdatatype.RdataType) -> dns.resolver.Answer | None:
        """The answer, which may have no records. None if the name does not exist in any search domain."""
        try:
            async with asyncio.timeout(self._timeout + 1):  # dnspython keeps its limit except during system calls
                return await self._resolver().resolve(name, record_type, raise_on_no_answer=False, search=True)
        except dns.resolver.NXDOMAIN:
            return None
        except dns.resolver.NoNameservers as error:
            raise LookUpError(_refusal(error)) from error
        except (dns.exception.Timeout, TimeoutError) as error:
            raise LookUpError(f"no answer in {self._timeout:g}s") from error
        except (dns.exception.DNSException, OSError, EOFError, ValueError) as error:
            raise LookUpError(shortened(str(error) or type(error).__name__, LONGEST_REASON)) from error
        finally:
            _end_if_cancelled()

    def _resolver(self) -> dns.asyncresolver.Resolver:
        """A new resolver for each question, because resolv.conf may have changed; the file is small. Its search domains
        apply to a configured server, too."""
        try:
            resolver = dns.asyncresolver.Resolver(self._resolv_conf)
        except dns.resolver.NoResolverConfiguration:
            if self._server is None:
                raise
            resolver = dns.asyncresolver.Resolver(configure=False)
        if self._server is not None:
            resolver.nameservers = [dns.nameserver.Do53Nameserver(*self._server)]
        resolver.lifetime = self._timeout
        resolver.timeout = min(max(1.0, resolver.timeout), self._timeout)
        resolver.use_edns(0, 0, LARGEST_DATAGRAM)
        return resolver


def _end_if_cancelled() -> None:
    """Python 3.11's `asyncio.wait_for`, which dnspython uses, loses a cancellation that coincides with an answer."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _addresses(records: Iterable[dns.rdata.Rdata]) -> list[str]:
    return [record.address for record in records if isinstance(record, dns.rdtypes.IN.A.A | dns.rdtypes.IN.AAAA.AAAA)]


def _target(record: dns.rdata.Rdata) -> Target | None:
    """The target, or None if it is "." (the service does not exist, RFC 2782), is not a host name, or has port 0."""
    if not isinstance(record, dns.rdtypes.IN.SRV.SRV) or not record.port:
        return None
    try:
        return Target(parse_host(_text(record.target)), record.port, record.priority, record.weight)
    except ValueError:
        return None


def _glue(response: dns.message.Message) -> dict[str, list[str]]:
    """The addresses of targets in the additional section of the answer."""
    addresses: dict[str, list[str]] = defaultdict(list)
    for records in response.additional:
        if found := _addresses(records):
            addresses[_text(records.name)] += found
    return addresses


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _refusal(error: dns.resolver.NoNameservers) -> str:
    """The answer or error of the last server."""
    server, _, _, what, _ = error.kwargs["errors"][-1]
    host, _, port = server.removeprefix("Do53:").rpartition("@")
    return f"{Address(host, int(port))} says {shortened(str(what), LONGEST_REASON)}"
