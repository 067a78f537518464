"""Which header of the PROXY protocol is sent to backends."""

from enum import StrEnum

from tidegate.core.preface.proxy_facts import NO_TLVS, Endpoints, ProxyTlvs
from tidegate.core.preface.proxy_v1 import write_v1
from tidegate.core.preface.proxy_v2 import write_v2


class ProxyVersion(StrEnum):
    """None, the line of text, or the binary header."""

    OFF = "off"
    V1 = "v1"
    V2 = "v2"

    def header(self, endpoints: Endpoints | None, tlvs: ProxyTlvs = NO_TLVS) -> bytes:
        """The header for a client's connection; without endpoints, for one of the proxy itself, as of a probe."""
        match self:
            case ProxyVersion.OFF:
                return b""
            case ProxyVersion.V1:
                return write_v1(endpoints)
            case ProxyVersion.V2:
                return write_v2(endpoints, tlvs)
