"""The notations of addresses: to connect to and to listen on, IP addresses or Unix sockets."""

import re

from tidegate.core.address import Address, parse_address, parse_host_and_port, parse_port
from tidegate.core.bind import Bind
from tidegate.settings.notation.values import Notation

_MODE = re.compile(r"0?[67][0-7]{2}")


def read_listen_address(value: object) -> Address:
    """Read an IP address to listen on. Raises ValueError; for `:8000` and `*:8000` it says what to write instead."""
    host, colon, port = value.strip().rpartition(":") if isinstance(value, str) else ("", "", "")
    if colon and host in {"", "*"}:
        number = parse_port(port)
        raise ValueError(f"expected an address before the port: 0.0.0.0:{number} for IPv4 or [::]:{number} for IPv6")
    return _read_host_and_port(value)


def read_bind(value: object) -> Bind:
    """Read an address to listen on, perhaps `unix:/run/tidegate.sock mode=0660`. Raises ValueError."""
    if isinstance(value, Bind):
        return value
    if not isinstance(value, str) or not value.strip().startswith("unix:"):
        return Bind(read_listen_address(value))
    written, *options = value.split()
    address = parse_address(written)
    return Bind(address, _read_mode(options)) if options else Bind(address)


def _read_mode(options: list[str]) -> int:
    name, _, digits = options[0].partition("=")
    if len(options) > 1 or name != "mode" or not _MODE.fullmatch(digits):
        raise ValueError(
            f"unknown {' '.join(options)!r}: expected the permissions of the file, with those of its owner, like mode=0660"
        )
    return int(digits, 8)


def _read_host_and_port(value: object) -> Address:
    if isinstance(value, Address):
        return value
    if not isinstance(value, str):
        raise ValueError("expected host:port, like 10.0.0.5:8001 or [::1]:8001")
    return parse_host_and_port(value)


def _read_backend_address(value: object) -> Address:
    return parse_address(value) if isinstance(value, str) else _read_host_and_port(value)


_IP = r"(?:\[[^\]]+\]|[^:/\[\]\s]+):[0-9]{1,5}"
_UNIX = r"unix:/\S+"

HOST_AND_PORT = Notation(_read_host_and_port, str, {"type": "string", "pattern": f"^{_IP}$"})
BACKEND_ADDRESS = Notation(_read_backend_address, str, {"type": "string", "pattern": f"^(?:{_IP}|{_UNIX})$"})
LISTEN_ADDRESS = Notation(read_listen_address, str, {"type": "string", "pattern": f"^{_IP}$"})
BIND = Notation(read_bind, str, {"type": "string", "pattern": rf"^(?:{_IP}|{_UNIX}(?:\s+mode=0?[67][0-7]{{2}})?)$"})
