"""WebSocket backends that can come later, and live clients that come back whenever their connection ends."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import aiohttp
from aiohttp import WSMsgType, web

from tests.support.waiting import until

TALK_INTERVAL = 0.05
PAUSE = 0.02  # before a client comes back


class EchoServer:
    """Echoes messages on a port of its own, from `start` on."""

    def __init__(self, port: int) -> None:
        self.name = f"127.0.0.1:{port}"
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        app.add_routes([web.get("/", _echo)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handle_signals=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, backlog=1024).start()

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


async def _echo(request: web.Request) -> web.WebSocketResponse:
    client = web.WebSocketResponse(timeout=0.1)
    await client.prepare(request)
    async for message in client:
        if message.type is WSMsgType.TEXT:
            await client.send_str(message.data)
    return client


@asynccontextmanager
async def echo_servers(ports: Sequence[int]) -> AsyncIterator[list[EchoServer]]:
    """Servers for these ports, none of them started, all stopped at the end."""
    servers = [EchoServer(port) for port in ports]
    try:
        yield servers
    finally:
        for server in servers:
            await server.stop()


class LiveClient:
    """Connected all the time, as far as it can be. A busy one talks; `codes` are those its connections were closed with."""

    def __init__(self, *, busy: bool) -> None:
        self.busy = busy
        self.connected = False
        self.codes: list[int | None] = []

    async def live(self, session: aiohttp.ClientSession, url: str) -> None:
        """Connect again and again."""
        while True:
            with suppress(aiohttp.ClientError, OSError):
                async with session.ws_connect(url, timeout=aiohttp.ClientWSTimeout(ws_close=0.1)) as connection:
                    self.connected = True
                    try:
                        await self._talk(connection)
                    finally:
                        self.codes.append(connection.close_code)
            self.connected = False
            await asyncio.sleep(PAUSE)

    async def _talk(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        """Until the connection ends."""
        while not connection.closed:
            if self.busy:
                await connection.send_str("still here")
            await connection.receive()
            if self.busy:
                await asyncio.sleep(TALK_INTERVAL)


@asynccontextmanager
async def live_clients(url: str, *, idle: int, busy: int) -> AsyncIterator[list[LiveClient]]:
    """So many clients, all of them connected before the test goes on."""
    clients = [LiveClient(busy=number < busy) for number in range(idle + busy)]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        tasks = [asyncio.create_task(client.live(session, url)) for client in clients]
        try:
            await until(lambda: all(client.connected for client in clients))
            yield clients
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
