"""Clients: so many at a time, each plays one script after the other."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from errno import ECONNRESET, EINPROGRESS
from os import strerror

from tests.faults.entrance import Entrance
from tests.faults.ledger import Ledger
from tests.faults.mix import Mix
from tests.faults.part import CLIENT_ROLES, NUMBER, LostError, Part
from tests.faults.pattern import WrongBytesError
from tests.faults.script import End, Script
from tests.faults.session import Session
from tests.faults.sockets import family_of, writable
from tests.support.sockets import break_off
from tidegate.core.address import Address
from tidegate.core.preface.proxy_v1 import write_v1
from tidegate.core.preface.proxy_v2 import write_v2
from tidegate.core.unix_socket import is_unix, path_of

IP_BIND_ADDRESS_NO_PORT = 24
NEXT_TRY = 0.05  # seconds
AT_A_UNIX_SOCKET = Address("192.0.2.1", 443)  # what a proxy says that its own client has connected to
TURNED_AWAY = 0.3  # seconds until a client comes again that has got nothing, or these would be nearly all
_sources: Iterator[str] = itertools.cycle(f"127.0.1.{number}" for number in range(1, 250))


class Clients:
    """Clients of all listeners in turn. The mix says whether backends speak first, so that a client may wait for them, and
    whether each begins with a PROXY header that names its address."""

    def __init__(self, ledger: Ledger, entrances: Sequence[Entrance], scripts: Iterator[Script], mix: Mix) -> None:
        self._ledger, self._scripts = ledger, scripts
        self._greeted, self._introduced, self._has_resets = mix.greets, mix.introduced, mix.has_resets
        self._entrances = itertools.cycle(entrances)
        self._ending = False
        self._more = 0
        self._tasks: list[asyncio.Future[None]] = []

    @asynccontextmanager
    async def playing(self, at_once: int) -> AsyncIterator[None]:
        """Play until the end of the block; then sessions that live end as their scripts say."""
        self._tasks = [asyncio.ensure_future(self._play_until()) for _ in range(at_once)]
        try:
            yield
        finally:
            self._ending = True
            for result in await asyncio.gather(*self._tasks, return_exceptions=True):
                if isinstance(result, Exception):
                    self._ledger.violation(f"a client of the driver has failed: {result!r}")

    @asynccontextmanager
    async def more(self, at_once: int, change: Callable[[Script], Script] = lambda script: script) -> AsyncIterator[None]:
        """So many more in this block, which play scripts with this change."""
        self._more += at_once
        self._tasks += [asyncio.ensure_future(self._play_until(lambda: not self._more, change)) for _ in range(at_once)]
        try:
            yield
        finally:
            self._more -= at_once

    def break_off(self) -> None:
        """End all sessions at once."""
        self._ending = True
        for task in self._tasks:
            task.cancel()

    async def _play_until(
        self, is_over: Callable[[], bool] = lambda: False, change: Callable[[Script], Script] = lambda script: script
    ) -> None:
        while not (self._ending or is_over()):
            await self._session(self._ledger.began(change(next(self._scripts)), next(self._entrances)))

    async def _session(self, session: Session) -> None:
        where = session.entrance
        sock = socket.socket(family_of(where.host))
        try:
            error = _begin_to_connect(sock, path_of(where.host) if is_unix(where.host) else (where.host, where.port))
            self._ledger.connects(session, str(_address(sock, session.script.seed)))
            is_broken = await _is_broken(sock, error)
            self._ledger.has_connected()
        except OSError as error:
            sock.close()
            self._ledger.connect_failed(session, error)
            await asyncio.sleep(NEXT_TRY)
            return
        session.client = part = Part(sock, is_broken=is_broken, has_resets=self._has_resets)
        try:
            await self._script(part, session, sock)
        except OSError:
            pass  # the line of the log says why
        except LostError as error:
            self._ledger.lost(f"the client: {error}", session)
        except WrongBytesError as error:
            self._ledger.violation(f"the client: {error}", session)
        except asyncio.CancelledError:
            break_off(sock)
            raise
        finally:
            part.close()
        session.client_ended = True
        self._ledger.ended(session)
        if not (part.whole or part.received):
            await asyncio.sleep(TURNED_AWAY)

    async def _script(self, part: Part, session: Session, sock: socket.socket) -> None:
        script, opening = session.script, session.opening
        if self._introduced:
            part.introduce(_header(sock, script.seed))
        if script.end is End.GIVEN_UP:
            await _give_up(part, session, sock)
            return
        await part.open(opening.pieces(script.seed))
        number = await part.hear() if self._greeted and script.backend_first else None
        await part.say(script.seed)
        await part.play(script.client, script.backend, number, CLIENT_ROLES[script.end])


async def _give_up(part: Part, session: Session, sock: socket.socket) -> None:
    """End before all of the seed is said; a reset may come within the first bytes, too."""
    seed = session.script.seed
    pieces, said = list(session.opening.pieces(seed)), seed // 2 % NUMBER.size
    if seed % 2 and not said:
        pieces = pieces[:-1]
    await part.open(pieces)
    await part.say(seed, said)
    if seed % 2:
        break_off(sock)
    part.whole = True


def _begin_to_connect(sock: socket.socket, where: tuple[str, int] | str) -> int:
    """The error number of connect(2)."""
    sock.setblocking(False)
    if sock.family is socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((next(_sources), 0))
    return sock.connect_ex(where)


async def _is_broken(sock: socket.socket, error: int) -> bool:
    """Wait until it is connected, or OSError. Whether it was broken off already, which the kernel does not tell again."""
    if error == EINPROGRESS:
        await writable(sock)
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error not in (0, ECONNRESET):
        raise OSError(error, strerror(error))
    return error == ECONNRESET


def _header(sock: socket.socket, seed: int) -> bytes:
    """A header of one of both versions."""
    other = AT_A_UNIX_SOCKET if sock.family is socket.AF_UNIX else Address(*sock.getpeername()[:2])
    return (write_v1, write_v2)[seed % 2]((_address(sock, seed), other))


def _address(sock: socket.socket, seed: int) -> Address:
    """Who the client says that it is: its own address, or at a Unix socket one that no other has at the time."""
    if sock.family is socket.AF_UNIX:
        return Address(f"10.{seed >> 16 & 255}.{seed >> 8 & 255}.{seed & 255}", 1024)
    return Address(*sock.getsockname()[:2])
