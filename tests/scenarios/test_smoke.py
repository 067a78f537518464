"""The smallest story: bytes go through, and everything agrees about it."""

import asyncio

from tests.support.proxy import running_proxy


async def test_bytes_go_through_and_the_session_is_logged_once() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5))
        await writer.drain()
        writer.close()

    backend = await asyncio.start_server(echo, "127.0.0.1", 0)
    name = f"127.0.0.1:{backend.sockets[0].getsockname()[1]}"
    async with backend, running_proxy(BACKENDS=name) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"hello")
        assert await reader.read() == b"hello"
        writer.close()
        closed = await proxy.event("session_closed")
        assert (closed["backend"], closed["sent_bytes"], closed["received_bytes"]) == (name, 5, 5)
        assert closed["reason"] == "backend_eof"
        assert await proxy.stop() == 0
