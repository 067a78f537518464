"""A resolv.conf, of which the search domains and options apply. Its servers are replaced, or they would be asked."""

from contextlib import suppress

from tests.fuzz.dns_server import address, serve
from tests.fuzz.files import written
from tests.fuzz.loop import run
from tidegate.control.discovery.dns_client import DnsClient, LookUpError


def target(data: bytes) -> None:
    """Look a name up as the file says, at a server that has no name."""
    serve([])
    with suppress(LookUpError):
        answer = run(DnsClient(address(), resolv_conf=written("resolv.conf", data), timeout=1.0).addresses("chat"))
        assert answer.absence
