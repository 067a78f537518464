"""One embedded backend of the demo: serves a page, and a WebSocket that says which backend answers."""

import asyncio
from pathlib import Path

from aiohttp import WSCloseCode, WSMsgType, web

PAGE = Path(__file__).with_name("page.html")
MOST_MESSAGE = 4096


class DemoBackend:
    """A backend that can be stopped, with all its connections, and started again on the same port."""

    def __init__(self, port: int, status_url: str) -> None:
        self.port = port
        self.name = f"127.0.0.1:{port}"
        page = PAGE.read_text(encoding="utf-8")
        self._page = page.replace("{{backend}}", self.name).replace("{{status_url}}", status_url)
        self._clients: set[web.WebSocketResponse] = set()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on the port."""
        app = web.Application()
        app.add_routes([web.get("/", self._show_page), web.get("/ws", self._talk)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handle_signals=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        """Close every connection and the port."""
        if self._runner is not None:
            for client in list(self._clients):
                await client.close(code=WSCloseCode.GOING_AWAY, drain=False)
            await self._runner.cleanup()
            self._runner = None

    async def _show_page(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._page, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def _talk(self, request: web.Request) -> web.WebSocketResponse:
        """Send a tick every second, and echo each message."""
        client = web.WebSocketResponse(max_msg_size=MOST_MESSAGE, timeout=1.0)
        await client.prepare(request)
        self._clients.add(client)
        try:
            tick = 0
            while not client.closed:
                await client.send_json({"backend": self.name, "tick": tick})
                tick += 1
                await self._echo_for_a_second(client)
        except ConnectionError:
            pass
        finally:
            self._clients.discard(client)
        return client

    async def _echo_for_a_second(self, client: web.WebSocketResponse) -> None:
        deadline = asyncio.get_running_loop().time() + 1
        while not client.closed:
            try:
                message = await client.receive(timeout=deadline - asyncio.get_running_loop().time())
            except TimeoutError:
                return
            if message.type is WSMsgType.TEXT:
                await client.send_json({"backend": self.name, "echo": message.data})
