"""Serves the admin port, with bounds on connections, time and request size, so that it cannot slow control."""

import asyncio
import socket
from time import monotonic
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from tidegate.control.admin.access import Access
from tidegate.control.admin.connection import AdminConnection
from tidegate.control.admin.routes import Routes
from tidegate.control.process import Process
from tidegate.control.tasks import spawn
from tidegate.link.sockets import BACKLOG

MOST_CONNECTIONS = 256
REQUEST_TIMEOUT = 9.0  # Prometheus waits for ten
QUIET_TIMEOUT = 30.0
SWEEP_INTERVAL = 5.0
MOST_BODY = 64 * 1024
CONNECTION_OPTIONS: dict[str, Any] = {"access_log": None, "keepalive_timeout": QUIET_TIMEOUT}

_log = structlog.get_logger()


class AdminServer:
    """The server of the admin port. Owns the listening socket given to `start`. `descriptors` limits its connections."""

    def __init__(self, process: Process, token: str | None, descriptors: int) -> None:
        self._most = min(MOST_CONNECTIONS, descriptors)
        routes = Routes(process, Access(token)).table()
        self._paths = "\n".join(route.path for route in routes)
        app = web.Application(middlewares=[self._answer], client_max_size=MOST_BODY)
        app.add_routes(routes)
        self._runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0)
        self._last_answer: dict[asyncio.BaseProtocol, float] = {}

    async def start(self, sock: socket.socket) -> None:
        """Begin to serve on this listening socket."""
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._connection, sock=sock, backlog=BACKLOG
        )  # a burst must not cost a probe its SYN
        self._sweeper = spawn(self._sweep_forever(), "admin sweeper")

    async def stop(self) -> None:
        """Close the socket and all connections."""
        self._sweeper.cancel()
        self._server.close()
        for connection in list(self._last_answer):
            self._close(connection)
        await self._runner.cleanup()

    def _connection(self) -> asyncio.Protocol:
        """Make a connection. If there are too many, close the one answered longest ago: probes must always get in."""
        assert self._runner.server is not None
        self._forget_closed()
        if len(self._last_answer) >= self._most:
            self._close(min(self._last_answer, key=lambda connection: self._last_answer[connection]))
        connection = AdminConnection(self._runner.server, loop=asyncio.get_running_loop(), **CONNECTION_OPTIONS)
        self._last_answer[connection] = monotonic()
        return connection

    def _forget_closed(self) -> None:
        assert self._runner.server is not None
        alive = set(self._runner.server.connections)
        self._last_answer = {
            connection: since
            for connection, since in self._last_answer.items()
            if connection in alive or monotonic() - since < 1
        }

    async def _sweep_forever(self) -> None:
        """Close connections without an answer for QUIET_TIMEOUT: slow requests, slow readers and idle connections."""
        while True:
            await asyncio.sleep(SWEEP_INTERVAL)
            self._forget_closed()
            for connection, since in list(self._last_answer.items()):
                if monotonic() - since > QUIET_TIMEOUT:
                    self._close(connection)

    def _close(self, connection: asyncio.BaseProtocol) -> None:
        self._last_answer.pop(connection, None)
        transport = getattr(connection, "transport", None)
        if transport is not None:
            transport.abort()

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer in time; turn every error into an answer with a text."""
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                response = await handler(request)
        except TimeoutError:
            response = web.Response(status=503, text=f"no answer within {REQUEST_TIMEOUT:g} s\n")
        except web.HTTPNotFound:
            response = web.Response(status=404, text=f"no such route; the routes are\n{self._paths}\n")
        except web.HTTPException as error:
            response = web.Response(status=error.status, text=error.text, headers=_kept(error))
        except Exception as error:  # noqa: BLE001
            _log.error("internal_error", route=request.path, exc_info=error)
            response = web.Response(status=500, text="internal error; the log has the details\n")
        self._last_answer[request.protocol] = monotonic()
        return response


def _kept(error: web.HTTPException) -> dict[str, str]:
    return {name: error.headers[name] for name in ("Allow", "WWW-Authenticate") if name in error.headers}
