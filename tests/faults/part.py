"""The part that one peer of a session plays: it sends its direction, checks the other one, and ends as the script says."""

import asyncio
import socket
from collections.abc import Iterable
from contextlib import suppress
from enum import Enum, auto
from struct import Struct
from typing import Final, NoReturn

from tests.faults.opening import read_opening
from tests.faults.pattern import LONGEST, Pattern, WrongBytesError
from tests.faults.script import End, Half
from tests.faults.sockets import arriving, readable, writable
from tests.support.sockets import break_off, drop_all
from tidegate.core.preface.outcome import Incomplete, Malformed
from tidegate.core.preface.proxy_facts import ProxyHeader
from tidegate.core.preface.proxy_header import read_proxy_header

NUMBER: Final = Struct(
    "!Q"
)  # how each direction begins: the client's with the seed, the backend's with a number of its stream
_BUFFER: Final = memoryview(bytearray(LONGEST))  # of all: what is received is checked before anything else runs
_NEXT_LOOK: Final = 0.002  # seconds until the kernel is asked again whether the other one has everything


class Role(Enum):
    """Who ends the session."""

    LEADS = auto()  # ends its direction when it has sent all
    FOLLOWS = auto()  # closes when the other one has ended
    RESETS = auto()  # once all has arrived both ways
    IS_RESET = auto()
    CUTS = auto()  # resets once all that it has sent has arrived
    IS_CUT = auto()


CLIENT_ROLES: Final = {
    End.CLIENT_EOF: Role.LEADS,
    End.BACKEND_EOF: Role.FOLLOWS,
    End.BOTH_EOF: Role.LEADS,
    End.CLIENT_RESET: Role.RESETS,
    End.BACKEND_RESET: Role.IS_RESET,
    End.CLIENT_CUTS: Role.CUTS,
    End.BACKEND_CUTS: Role.IS_CUT,
    End.IDLE: Role.IS_RESET,
}
BACKEND_ROLES: Final = {
    End.CLIENT_EOF: Role.FOLLOWS,
    End.BACKEND_EOF: Role.LEADS,
    End.BOTH_EOF: Role.LEADS,
    End.CLIENT_RESET: Role.IS_RESET,
    End.BACKEND_RESET: Role.RESETS,
    End.CLIENT_CUTS: Role.IS_CUT,
    End.BACKEND_CUTS: Role.CUTS,
    End.IDLE: Role.IS_RESET,
}
ENDS_WITH_RESET: Final = {Role.IS_RESET, Role.IS_CUT}


class LostError(Exception):
    """A stream ended as if it were complete, and is not; or it has more than was sent."""


class Part:
    """One peer. It owns the socket, which may have been broken off as soon as it was made.

    Without resets, as Unix sockets are, an end that comes too early is one, and the log must say why.

    `sent` and `received` are bytes that the kernel has taken and given, with the numbers. `whole` is whether everything has
    come and has ended as the script says; a part that was broken off is not.
    """

    __slots__ = ("_half", "_has_resets", "_is_broken", "_other", "_sending", "_sock", "received", "sent", "whole")

    def __init__(self, sock: socket.socket, *, is_broken: bool = False, has_resets: bool = True) -> None:
        self._sock, self._is_broken, self._has_resets = sock, is_broken, has_resets
        self.sent = self.received = 0
        self.whole = False

    async def say(self, number: int, size: int = NUMBER.size) -> None:
        """Begin the own direction, with so many bytes of the number. What has come before a reset can still be heard."""
        self._sending = Pattern(number)
        try:
            self.sent += self._sock.send(NUMBER.pack(number)[:size])  # an empty buffer takes so little
        except OSError:
            self._is_broken = True

    def introduce(self, header: bytes) -> None:
        """Send a PROXY header before everything else; it does not count."""
        try:
            self._sock.send(header)  # an empty buffer takes so little
        except OSError:
            self._is_broken = True

    async def introduction(self) -> ProxyHeader | None:
        """The PROXY header that comes before everything else; None when the stream ends before. It does not count."""
        data = b""
        while isinstance(header := read_proxy_header(data), Incomplete):
            if not await self._receive(1):
                return None
            self.received -= 1
            data += _BUFFER[:1]
        if isinstance(header, Malformed):
            raise WrongBytesError(f"no PROXY header: {header.reason} {data!r}")
        return header

    async def open(self, pieces: Iterable[bytes]) -> None:
        """Send first bytes before the number, and let others run after each piece. They count."""
        try:
            for piece in pieces:
                self.sent += self._sock.send(piece)  # an empty buffer takes so little
                await asyncio.sleep(0)
        except OSError:
            self._is_broken = True

    async def opening(self) -> bytes:
        """The first bytes that come before the number; empty when the stream ends before."""
        with suppress(EOFError):
            return await read_opening(self._read_exactly)
        return b""

    async def hear(self) -> int | None:
        """The number with which the other direction begins; None when it ends before."""
        with suppress(EOFError):
            (number,) = NUMBER.unpack(await self._read_exactly(NUMBER.size))
            return int(number)
        return None

    async def _read_exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            got = await self._receive(size - len(data))
            if not got:
                raise EOFError
            data += _BUFFER[:got]
        return bytes(data)

    def plan(self, half: Half, other: Half) -> None:
        """What it does, and what the other one does."""
        self._half, self._other = half, other

    async def play(self, half: Half, other: Half, number: int | None, role: Role) -> None:
        """All that follows the number of the own direction; WrongBytesError, LostError, or OSError when it is broken off."""
        self.plan(half, other)
        if role is Role.CUTS:
            await self.break_off_after(half.size, 0)
            self.whole = True
            return
        if half.is_short:
            with suppress(*((OSError,) if role is Role.IS_CUT else ())):  # the reset may have come before all was sent
                await self._send(role)
            await self._hear_out(number, role)
        else:
            sending = asyncio.ensure_future(self._send(role))
            try:
                await self._hear_out(number, role)
                if role is not Role.IS_CUT:
                    await sending
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)  # or it would take its waiting back after the close
        if role is Role.RESETS:
            await self._until_acknowledged()
            break_off(self._sock)
        self.whole = True

    async def _send(self, role: Role) -> None:
        await self._send_all(self._half.size)
        if role is Role.LEADS:
            self._sock.shutdown(socket.SHUT_WR)

    async def _send_all(self, size: int) -> None:
        stream, half = self._sending, self._half
        while left := size - stream.position:
            try:
                taken = self._sock.send(stream.piece(min(half.piece, left)))
            except BlockingIOError:
                await writable(self._sock)
                continue
            except OSError:
                self._is_broken = True  # the kernel tells an error once: to who receives, the end looks as if in order
                raise
            stream.position += taken
            self.sent += taken
            if half.pause:
                await asyncio.sleep(half.pause)

    async def _hear_out(self, number: int | None, role: Role) -> None:
        number = await self.hear() if number is None else number
        if number is None:
            self._ended_early("the stream ended before its number")
        stream, size = Pattern(number), self._other.size
        try:
            await self._check(stream, size if role is Role.RESETS else None)
        except OSError:
            if role not in ENDS_WITH_RESET or stream.position != size:
                raise
        else:
            if role in ENDS_WITH_RESET or stream.position != size:
                self._ended_early(f"ended in order after {stream.position} of {size} bytes, as {role.name}")

    def _ended_early(self, how: str) -> NoReturn:
        raise LostError(how) if self._has_resets else ConnectionResetError(how)

    async def _check(self, stream: Pattern, size: int | None) -> None:
        """Read and compare to the end, or until so many bytes have come."""
        while stream.position != size:
            got = await self._receive(self._half.read)
            if not got:
                return
            stream.check(_BUFFER[:got])
            if self._half.reading_pause and stream.position < self._other.size:  # one who breaks off says more than that
                await asyncio.sleep(self._half.reading_pause)

    async def _receive(self, size: int) -> int:
        """The bytes that are now in the buffer; 0 at the end."""
        while True:
            try:
                got = self._sock.recv_into(_BUFFER, size)
            except BlockingIOError:
                await readable(self._sock)
                continue
            if not got and self._is_broken:
                raise ConnectionResetError
            self.received += got
            return got

    async def break_off_after(self, sent: int, read: int) -> None:
        """Send and read so many bytes, and reset the connection once the other end has all that was sent."""
        await self._send_all(sent)
        while read > 0 and (got := await self._receive(read)):
            read -= got
        await self._until_acknowledged()
        break_off(self._sock)

    def fall_silent(self) -> bool:
        """Be gone without a word, as after a power cut; False when it is over already."""
        if self._sock.fileno() < 0:
            return False
        self._is_broken = True
        drop_all(self._sock)
        return True

    def wake(self) -> None:
        """Notice that everybody has given up on a silent peer."""
        if self._sock.fileno() >= 0:
            with suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)

    async def _until_acknowledged(self) -> None:
        while arriving(self._sock) and not self._is_broken:  # noqa: ASYNC110  the kernel tells only who asks
            await asyncio.sleep(_NEXT_LOOK)

    def close(self) -> None:
        """Close the socket, if it is not."""
        self._sock.close()
