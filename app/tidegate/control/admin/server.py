"""Serves the admin port, with bounds on connections, time and request size, so that it cannot slow control."""

import asyncio
import socket
from http import HTTPStatus
from time import monotonic

from tidegate.control.admin.access import Access
from tidegate.control.admin.answer import Answer, RefusedError, text_answer
from tidegate.control.admin.connection import MOST_HEAD, Connection
from tidegate.control.admin.request import Request
from tidegate.control.admin.routes import Routes
from tidegate.control.log import event_log
from tidegate.control.process import Process
from tidegate.control.tasks import spawn
from tidegate.link.sockets import BACKLOG

MOST_CONNECTIONS = 256
REQUEST_TIMEOUT = 9.0  # Prometheus waits for ten
QUIET_TIMEOUT = 30.0
SWEEP_INTERVAL = 5.0
METHODS = ("GET", "HEAD")


class AdminServer:
    """The server of the admin port. Owns the listening socket given to `start`. `descriptors` limits its connections."""

    def __init__(self, process: Process, token: str | None, descriptors: int) -> None:
        self._most = min(MOST_CONNECTIONS, descriptors)
        self._routes = Routes(process, Access(token)).table()
        self._last_answer: dict[asyncio.StreamWriter, float] = {}

    async def start(self, sock: socket.socket) -> None:
        """Begin to serve on this listening socket."""
        # The backlog is long, because a burst must not cost a probe its SYN.
        self._server = await asyncio.start_server(self._serve, sock=sock, limit=MOST_HEAD, backlog=BACKLOG)
        self._sweeper = spawn(self._sweep_forever(), "admin sweeper")

    async def stop(self) -> None:
        """Close the socket and all connections."""
        self._sweeper.cancel()
        self._server.close()
        for connection in list(self._last_answer):
            self._abort(connection)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection. If there are too many, close the one answered longest ago: probes must always get in."""
        if len(self._last_answer) >= self._most:
            self._abort(min(self._last_answer, key=lambda connection: self._last_answer[connection]))
        self._last_answer[writer] = monotonic()

        async def answer(request: Request) -> Answer:
            made = await self._answer(request)
            self._last_answer[writer] = monotonic()
            return made

        try:
            await Connection(reader, writer, answer).serve()
        except OSError:
            pass  # it is broken, and nothing waits for an answer
        finally:
            self._last_answer.pop(writer, None)
            writer.close()

    async def _sweep_forever(self) -> None:
        """Close connections without an answer for QUIET_TIMEOUT: slow requests, slow readers and idle connections."""
        while True:
            await asyncio.sleep(SWEEP_INTERVAL)
            for connection, since in list(self._last_answer.items()):
                if monotonic() - since > QUIET_TIMEOUT:
                    self._abort(connection)

    def _abort(self, connection: asyncio.StreamWriter) -> None:
        self._last_answer.pop(connection, None)
        connection.transport.abort()

    async def _answer(self, request: Request) -> Answer:
        """Answer in time; turn every error into an answer with a text."""
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                return await self._routed(request)
        except TimeoutError:
            return text_answer(f"no answer within {REQUEST_TIMEOUT:g} s\n", HTTPStatus.SERVICE_UNAVAILABLE)
        except RefusedError as error:
            return error.answer
        except Exception as error:  # noqa: BLE001
            event_log.error("internal_error", route=request.path, exc_info=error)
            return text_answer("internal error; the log has the details\n", HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _routed(self, request: Request) -> Answer:
        route = self._routes.get(request.path)
        if route is None:
            paths = "\n".join(self._routes)
            raise RefusedError(HTTPStatus.NOT_FOUND, f"no such route; the routes are\n{paths}\n")
        if request.method not in METHODS:
            allowed = ", ".join(METHODS)
            text = f"{request.method} is not for this route: expected {allowed}\n"
            raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, text, {"Allow": allowed})
        return await route(request)
