"""Settings of discovery by DNS: backends from the records of a name."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from tidegate.core.address import Address, is_ip, parse_host
from tidegate.settings.notation.addresses import HOST_AND_PORT
from tidegate.settings.notation.values import Notation, choice, duration, whole_number
from tidegate.settings.parts.section import Section
from tidegate.settings.words import RecordType


def _read_name(value: object) -> str:
    name = parse_host(value.strip()) if isinstance(value, str) else ""
    if not name or is_ip(name):
        raise ValueError("expected a name to look up, like chat.default.svc.cluster.local; addresses are given as backends")
    return name


def _read_resolver(value: object) -> Address:
    try:
        address = Address(*HOST_AND_PORT.read(value))  # type: ignore[misc]
    except ValueError:
        address = Address("", 0)
    if not address.is_resolved:
        raise ValueError("expected the IP address and port of a DNS server, like 10.96.0.10:53 or [fd00::10]:53")
    return address


class DnsSettings(Section):
    """The name whose records are the backends of a pool, and how it is asked for; durations are in seconds."""

    name: Annotated[str | None, Notation(_read_name, str).or_none()] = Field(
        default=None,
        description="name whose records are the backends, like that of a headless Service; "
        "searched as `/etc/resolv.conf` says unless it ends with a dot",
    )
    type: Annotated[RecordType, choice(RecordType)] = Field(
        default=RecordType.AUTO,
        description="records to ask for: `auto` (A, and AAAA where there is no A), `a`, `aaaa`, `srv`",
    )
    port: Annotated[int | None, whole_number(1, 65535).or_none()] = Field(
        default=None, description="port of the backends; SRV records have their own"
    )
    resolver: Annotated[Address | None, Notation(_read_resolver, str).or_none()] = Field(
        default=None,
        description="DNS server to ask, as `address:port`",
        json_schema_extra={"default_text": "the system's"},
    )
    timeout: Annotated[float, duration(most=60.0)] = Field(
        default=5.0, description="time for one question, with all servers and search domains that it takes"
    )
    max_interval: Annotated[float, duration(least=1.0, most=3600.0)] = Field(
        default=10.0,
        description="longest time until a name is looked up again, however long its records live, also a host name among "
        "`BACKENDS`; at once when a backend cannot be reached",
    )

    @field_validator("type")
    @classmethod
    def _of_a_name(cls, kind: RecordType, info: ValidationInfo) -> RecordType:
        if kind is not RecordType.AUTO and info.data.get("name", "") is None:
            raise ValueError("there is no name to look up: give dns.name, too")
        return kind

    @field_validator("port")
    @classmethod
    def _fits_type(cls, port: int | None, info: ValidationInfo) -> int | None:
        name, kind = info.data.get("name", ""), info.data.get("type")
        if name is None and port is not None:
            raise ValueError("there is no name to look up: give dns.name, too")
        if kind is RecordType.SRV and port is not None:
            raise ValueError("SRV records have the ports of the backends: leave the port away, or give another dns.type")
        if name and kind not in (None, RecordType.SRV) and port is None:
            raise ValueError(f"no port: expected a whole number from 1 to 65535, for {kind} records have none")
        return port

    @field_validator("resolver")
    @classmethod
    def _is_asked(cls, resolver: Address | None, info: ValidationInfo) -> Address | None:
        if resolver is not None and info.data.get("name", "") is None:
            raise ValueError("there is no name to look up: give dns.name, too")
        return resolver
