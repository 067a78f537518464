"""Version 1 of the PROXY header: a line of text (proxy-protocol.txt, section 2.1)."""

from typing import Final

from tidegate.core.preface.outcome import Incomplete, Malformed
from tidegate.core.preface.packed_address import OCTETS, packed, text_of
from tidegate.core.preface.proxy_facts import Endpoints, ProxyHeader

KEYWORD: Final = b"PROXY"
LONGEST_LINE: Final = 107  # with its CRLF
LONGEST_IPV6: Final = 39

TCP4: Final = b"PROXY TCP4 "
TCP6: Final = b"PROXY TCP6 "
UNKNOWN: Final = b"PROXY UNKNOWN"
FIELDS: Final = ("source address", "destination address", "source port", "destination port")

ZERO: Final = 48  # in ASCII, as below
DOT: Final = 46
ENDINGS: Final = (b"", b"::", b":", b"0", b".0", b"0.0", b".0.0", b"0.0.0")
"""One of these completes any beginning of an IPv6 address."""


def read_v1(data: bytes) -> ProxyHeader | Incomplete | Malformed:
    """Read a line that begins with the keyword.

    Spaces, numbers and addresses are taken only as the specification writes them. What is after UNKNOWN is ignored up to the
    CRLF. A CR or LF alone does not end the line.
    """
    line, ended, _ = data[:LONGEST_LINE].partition(b"\r\n")
    return _line(line) if ended else _beginning(line)


def write_v1(endpoints: Endpoints | None) -> bytes:
    """The line for these endpoints: UNKNOWN without any, or if one is not an IP address (a Unix socket).

    With an IPv4 and an IPv6 address it is TCP6 with the IPv4-mapped address, as HAProxy writes it: UNKNOWN would lose the
    client's address, and nginx, HAProxy and most others read mapped addresses. The zone of an address is left out.
    """
    if endpoints is None:
        return b"PROXY UNKNOWN\r\n"
    (source_host, source_port), (destination_host, destination_port) = endpoints
    source, destination = packed(source_host), packed(destination_host)
    if not source or not destination:
        return b"PROXY UNKNOWN\r\n"
    if len(source) == len(destination) == 4:
        return TCP4 + f"{text_of(source)} {text_of(destination)} {source_port} {destination_port}\r\n".encode("ascii")
    addresses = f"{_ipv6_text(source)} {_ipv6_text(destination)}"
    return TCP6 + f"{addresses} {source_port} {destination_port}\r\n".encode("ascii")


def _line(line: bytes) -> ProxyHeader | Malformed:
    """The header that a line without its CRLF is."""
    is_ipv4 = line.startswith(TCP4)
    if not is_ipv4 and not line.startswith(TCP6):
        return _unknown(line)
    fields = line[len(TCP4) :].split(b" ")
    if len(fields) != len(FIELDS):
        return Malformed("a PROXY line needs two addresses and two ports")
    source = _ipv4(fields[0]) if is_ipv4 else _ipv6(fields[0])
    destination = _ipv4(fields[1]) if is_ipv4 else _ipv6(fields[1])
    source_port, destination_port = _port(fields[2]), _port(fields[3])
    if source and destination and source_port >= 0 and destination_port >= 0:
        return ProxyHeader(len(line) + 2, ((source, source_port), (destination, destination_port)))
    valid = (source != "", destination != "", source_port >= 0, destination_port >= 0)
    return _bad(FIELDS[valid.index(False)])


def _unknown(line: bytes) -> ProxyHeader | Malformed:
    """The header that a line without addresses is."""
    if not line.startswith(UNKNOWN):
        return Malformed("a PROXY line of another protocol than TCP4, TCP6 or UNKNOWN")
    if _breaks_unknown(line[len(UNKNOWN) :]):
        return Malformed("a PROXY line without a space or CRLF after UNKNOWN")
    return ProxyHeader(len(line) + 2)


def _beginning(text: bytes) -> Incomplete | Malformed:
    """What the beginning of a line can become. It has no CRLF, but its last character may be the CR of one."""
    line = text.removesuffix(b"\r")
    if len(line) > LONGEST_LINE - 2:
        return Malformed("a PROXY line of more than 107 bytes")
    if line != text:
        whole = _line(line)
        return whole if isinstance(whole, Malformed) else Incomplete(len(text) + 1)
    return _begun_fields(text) or Incomplete(len(text) + 1)


def _begun_fields(text: bytes) -> Malformed | None:
    """The first mistake in the beginning of a line. Its last field may be incomplete."""
    if any(start.startswith(text) for start in (TCP4, TCP6, UNKNOWN)):
        return None
    if not text.startswith((TCP4, TCP6)):
        whole = _line(text)
        return whole if isinstance(whole, Malformed) else None
    *complete, last = text[len(TCP4) :].split(b" ")
    if len(complete) >= len(FIELDS):
        return Malformed("a PROXY line needs two addresses and two ports")
    is_address, begins_address = (_is_ipv4, _begins_ipv4) if text.startswith(TCP4) else (_is_ipv6, _begins_ipv6)
    for name, is_valid, field in zip(FIELDS, (is_address, is_address, _is_port), complete, strict=False):
        if not is_valid(field):
            return _bad(name)
    begins = begins_address if len(complete) < 2 else _begins_port
    return None if begins(last) else _bad(FIELDS[len(complete)])


def _bad(field: str) -> Malformed:
    return Malformed(f"a PROXY line without a valid {field}")


def _breaks_unknown(rest: bytes) -> bool:
    return (rest != b"" and not rest.startswith(b" ")) or b"\r" in rest or b"\n" in rest


def _port(field: bytes) -> int:
    """The port that is written in the only way that the specification knows, without leading zeros; -1 if it is not."""
    number = -1
    for position in range(len(field)):
        digit = field[position] - ZERO
        if not 0 <= digit <= 9 or number == 0:
            return -1
        number = digit if number < 0 else 10 * number + digit
        if number > 65535:
            return -1
    return number


def _is_port(field: bytes) -> bool:
    return _port(field) >= 0


def _begins_port(field: bytes) -> bool:
    return field == b"" or _is_port(field)


def _ipv4(field: bytes) -> str:
    """The address; empty if it is not one."""
    return field.decode("ascii") if _is_ipv4(field) else ""


def _is_ipv4(field: bytes) -> bool:
    """Whether these are four numbers up to 255, without leading zeros, with dots between them.

    By position: compiled, to look parts up in OCTETS, or to take one byte after the other, takes some five times as much.
    """
    numbers, number = 1, -1  # while a number has no digit
    for position in range(len(field)):
        digit = field[position] - ZERO
        if 0 <= digit <= 9 and number != 0:
            number = digit if number < 0 else 10 * number + digit
            if number > 255:
                return False
        elif digit == DOT - ZERO and number >= 0:
            numbers, number = numbers + 1, -1
        else:
            return False
    return numbers == 4 and number >= 0


def _begins_ipv4(field: bytes) -> bool:
    *complete, last = field.decode("latin-1").split(".")
    return len(complete) <= 3 and all(part in OCTETS for part in complete) and (last == "" or last in OCTETS)


def _ipv6(field: bytes) -> str:
    """The address in the form of RFC 5952, or the IPv4 address that is mapped; empty if it is not one."""
    is_possible = b":" in field and b"%" not in field and len(field) <= LONGEST_IPV6
    number = packed(field.decode("latin-1")) if is_possible else b""
    return text_of(number) if number else ""


def _is_ipv6(field: bytes) -> bool:
    return _ipv6(field) != ""


def _begins_ipv6(field: bytes) -> bool:
    return any(_is_ipv6(field + ending) for ending in ENDINGS)


def _ipv6_text(number: bytes) -> str:
    return f"::ffff:{text_of(number)}" if len(number) == 4 else text_of(number)
