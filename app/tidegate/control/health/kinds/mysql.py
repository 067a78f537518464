"""Probe kind `mysql`: the server greets, and answers a login without a password.

It tries to log in because a server counts each connection that ends without a login as an error. After `max_connect_errors`
of them (100) it refuses everything from that address, traffic included ("Host is blocked"). A refused login does not count,
though MariaDB logs a warning for each. With a user that exists and has no password and no rights, it logs nothing. All of
this was tried with MariaDB 10.11.
Source: the client/server protocol, https://mariadb.com/docs/server/reference/clientserver-protocol.
"""

import struct

from tidegate.control.health.connection import Connection
from tidegate.control.health.request import ProbeError, ProbeRequest

USUAL_USER = "tidegate"
PROTOCOL = 10
CAPABILITIES = 0x200 | 0x8000 | 0x80000  # protocol 4.1, secure connection, authentication by plugins
UTF8 = 33
OK, MORE, SWITCH, ERROR = 0x00, 0x01, 0xFE, 0xFF
QUIT = b"\x01\0\0\0\x01"
MOST_PACKET = 8 * 1024
MOST_SWITCHES = 4
NOT_LET_IN = frozenset({1044, 1045, 1049, 1251, 1698, 1820, 1862, 3118, 3159, 4151})
"""Errors about this user only, like 1045 (access denied): the server serves other users."""


async def probe(request: ProbeRequest) -> None:
    """Read the greeting, try to log in, and leave. Raises ProbeError or OSError."""
    async with Connection(request) as connection:
        _, greeting = await _packet(connection, request)
        if greeting[0] == ERROR:
            raise ProbeError(_error(greeting, request))
        if greeting[0] != PROTOCOL:
            raise ProbeError(f"expected a greeting of protocol {PROTOCOL}, got {request.quoted(greeting)}")
        await _send(connection, 1, _login(request.settings.user or USUAL_USER, _plugin_of(greeting)))
        answer = await _answer(connection, request)
        if answer[0] == OK:
            await connection.say_goodbye(QUIT)
        elif answer[0] == ERROR:
            if int.from_bytes(answer[1:3], "little") not in NOT_LET_IN:
                raise ProbeError(_error(answer, request))
        elif answer[0] != MORE:  # MORE means that the user needs a password: the server works
            raise ProbeError(f"expected an answer to the login, got {request.quoted(answer)}")


async def _answer(connection: Connection, request: ProbeRequest) -> bytes:
    """Read the answer to the login. Before it, the server may ask to log in by other plugins."""
    for _ in range(MOST_SWITCHES):
        number, answer = await _packet(connection, request)
        if answer[0] != SWITCH:
            return answer
        await _send(connection, number + 1, _no_password(answer[1:].partition(b"\0")[0]))
    raise ProbeError(f"expected an answer to the login, got {MOST_SWITCHES} requests to log in in another way")


async def _packet(connection: Connection, request: ProbeRequest) -> tuple[int, bytes]:
    """Read a packet: its number, and its content of at least one byte."""
    head = await connection.exactly(4)
    length = int.from_bytes(head[:3], "little")
    if not 1 <= length <= MOST_PACKET:
        raise ProbeError(f"expected a packet of the MySQL protocol, got {request.quoted(head)}")
    return head[3], await connection.exactly(length)


async def _send(connection: Connection, number: int, body: bytes) -> None:
    await connection.send(len(body).to_bytes(3, "little") + bytes([number % 256]) + body)


def _login(user: str, plugin: bytes) -> bytes:
    no_password = _no_password(plugin)
    head = struct.pack("<IIB23x", CAPABILITIES, MOST_PACKET, UTF8)
    return head + user.encode() + b"\0" + bytes([len(no_password)]) + no_password + plugin + b"\0"


def _plugin_of(greeting: bytes) -> bytes:
    """The server's default plugin, the last text of the greeting. A login by another one would cost another round trip."""
    plugin = greeting.rstrip(b"\0").rpartition(b"\0")[2]
    return plugin if plugin.replace(b"_", b"").isalnum() and len(plugin) < 64 else b"mysql_native_password"


def _no_password(plugin: bytes) -> bytes:
    """The bytes that mean "no password" for a plugin."""
    return b"\0" if plugin in {b"caching_sha2_password", b"sha256_password"} else b""


def _error(packet: bytes, request: ProbeRequest) -> str:
    text = packet[3:]
    return f"error {int.from_bytes(packet[1:3], 'little')}: {request.quoted(text[6:] if text[:1] == b'#' else text)}"
