"""Backends: each reads the seed of a session and plays its script."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto
from pathlib import Path

from tests.faults.ledger import Ledger
from tests.faults.mix import Mix
from tests.faults.part import BACKEND_ROLES, LostError, Part
from tests.faults.pattern import WrongBytesError
from tests.faults.session import Session
from tests.faults.sockets import family_of
from tests.support.sockets import break_off, drop_all, drop_nothing
from tidegate.core.address import join_address
from tidegate.core.unix_socket import is_unix, path_of

MOST_BEFORE_CUT = 2000  # bytes
_numbers, _cuts = itertools.count(1 << 40), itertools.count()


class Behaviour(Enum):
    """What a backend does with new connections."""

    PLAYS = auto()
    IS_SILENT = auto()  # accepts, says nothing and reads nothing
    RESETS = auto()  # accepts and breaks off
    BREAKS_OFF = auto()  # plays, and breaks off after one byte more than the time before
    IS_DEAF = auto()  # whatever comes is dropped without a word, so that no connection is made
    REFUSES = auto()  # does not listen


class Backend:
    """One backend. The mix says whether it speaks first, and what comes before clients' streams."""

    def __init__(self, ledger: Ledger, host: str, port: int, mix: Mix) -> None:
        self.ledger, self.host, self.port = ledger, host, port
        self._greets, self._told, self._routed = mix.greets, mix.told, mix.routed
        self._has_resets = mix.has_resets
        self._behaviour = Behaviour.PLAYS
        self._speaks_again = asyncio.Event()
        self._sock: socket.socket | None = None
        self._tasks: set[asyncio.Future[None]] = set()

    @property
    def name(self) -> str:
        """`host:port`, or `unix:/path`."""
        return join_address(self.host, self.port)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve until the end of the block."""
        self._listen()
        try:
            yield
        finally:
            self._close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def behave(self, behaviour: Behaviour) -> None:
        """Do this from now on with new connections."""
        if behaviour is Behaviour.REFUSES:
            self._close()
        elif self._sock is None:
            self._listen()
        elif behaviour is Behaviour.IS_DEAF:
            drop_all(self._sock)
        elif self._behaviour is Behaviour.IS_DEAF:
            drop_nothing(self._sock)
        self._behaviour = behaviour
        (self._speaks_again.clear if behaviour is Behaviour.IS_SILENT else self._speaks_again.set)()

    async def _break_off(self, part: Part, session: Session) -> None:
        """The text has no end, so that a script that is shorter leaves out no number."""
        client = session.script.client
        part.plan(session.script.backend, client)
        size = next(_cuts) % MOST_BEFORE_CUT
        session.cut = part.sent + size
        await part.break_off_after(size, min(size // 2, client.size) if size % 2 else 0)

    def _listen(self) -> None:
        self._sock = socket.socket(family_of(self.host))
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._sock.setblocking(False)
        self._sock.bind(path_of(self.host) if is_unix(self.host) else (self.host, self.port))
        self.port = self.port if is_unix(self.host) else self._sock.getsockname()[1]
        self._sock.listen(4096)
        asyncio.get_running_loop().add_reader(self._sock, self._accept, self._sock)

    def _close(self) -> None:
        if self._sock is not None:
            asyncio.get_running_loop().remove_reader(self._sock)
            self._sock.close()
            self._sock = None
            if is_unix(self.host):
                Path(path_of(self.host)).unlink()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(BlockingIOError):
            while True:
                sock, _ = listening.accept()
                sock.setblocking(False)
                task = asyncio.ensure_future(self._serve(sock))
                self._tasks.add(task)
                task.add_done_callback(self._served)

    def _served(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.ledger.violation(f"a backend of the driver has failed: {error!r}")

    async def _serve(self, sock: socket.socket) -> None:
        part = Part(sock, has_resets=self._has_resets)
        try:
            match self._behaviour:
                case Behaviour.RESETS:
                    break_off(sock)
                case Behaviour.IS_SILENT:
                    await self._speaks_again.wait()
                    break_off(sock)
                case _:
                    await self._play(part)
        except OSError:
            pass  # a probe, or a session that was broken off: the line of the log says why
        finally:
            part.close()

    async def _play(self, part: Part) -> None:
        header = await part.introduction() if self._told else None
        if self._greets:
            await part.say(next(_numbers))
        opening = await part.opening() if self._routed else b""
        seed = await part.hear()
        if seed is None:
            return  # a probe, or a client that has given up
        session = self.ledger.live.get(seed)
        if session is None:
            return  # it is over for the client, and the proxy has said so
        if self._told and (
            header is None or header.endpoints is None or join_address(*header.endpoints[0]) != session.address
        ):
            self.ledger.violation(f"the backend was told another client: {header}", session)
        if opening != session.opening.data:
            self.ledger.violation(f"the backend got other first bytes: {opening!r}", session)
        session.backend, session.reached, script = part, self.name, session.script
        try:
            if not self._greets:
                await part.say(next(_numbers))
            if self._behaviour is Behaviour.BREAKS_OFF:
                await self._break_off(part, session)
            else:
                await part.play(script.backend, script.client, seed, BACKEND_ROLES[script.end])
        except LostError as error:
            self.ledger.lost(f"the backend: {error}", session)
        except WrongBytesError as error:
            self.ledger.violation(f"the backend: {error}", session)
        finally:
            session.backend_ended = True
            self.ledger.ended(session)
