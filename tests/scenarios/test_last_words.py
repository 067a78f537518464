"""Last words: a server that turns clients away and a client that says one thing and is gone are heard through the proxy."""

import asyncio
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from tests.dataplane.route import route
from tests.support.peers import Peer, connect, payload, serving, until_stalled
from tests.support.proxy import running_proxy
from tests.support.servers import redis_server
from tests.support.waiting import until
from tests.support.worker import running_worker

TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n\r\n"
REDIS_IS_FULL = b"-ERR max number of clients reached\r\n"
MOST_CLIENTS = 8
AT_ONCE = 50
SMALL_BUFFER = 64 * 1024


async def heard(port: int, words: bytes) -> bytes:
    """What a client hears that sends these words, until the connection ends or breaks, whatever becomes of the words."""
    with await connect(port) as client:
        sending = asyncio.create_task(client.send(words))
        data = bytearray()
        with suppress(ConnectionResetError):
            while chunk := await client.read():
                data += chunk
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        return bytes(data)


async def test_a_server_that_answers_and_closes_before_it_has_read_an_upload_is_heard_by_every_client() -> None:
    async def turn_away(peer: Peer) -> None:
        await peer.read(1024)
        await peer.send(TOO_LARGE)  # closing with input unread is a reset

    async with serving(turn_away) as backend, running_proxy(BACKENDS=str(backend.address)) as proxy:
        for size in (2_000, 200_000, 4_000_000):
            upload = payload(size)
            for _ in range(3):
                answers = await asyncio.gather(*(heard(proxy.port, upload) for _ in range(AT_ONCE)))
                assert answers.count(TOO_LARGE) == AT_ONCE


async def admitted(port: int) -> Peer | None:
    """A client that Redis serves, if it serves one more: it may not have noticed yet that another one has left."""
    client = await connect(port)
    with suppress(ConnectionResetError):
        await client.send(b"PING\r\n")
        if await client.read() == b"+PONG\r\n":
            return client
    client.close()
    return None


async def test_a_full_redis_is_heard_by_every_client(tmp_path: Path) -> None:
    async with (
        redis_server(tmp_path, "--maxclients", str(MOST_CLIENTS)) as redis,
        running_proxy(BACKENDS=f"127.0.0.1:{redis.port}", HEALTH__TYPE="none") as proxy,
        AsyncExitStack() as stack,
    ):
        for _ in range(MOST_CLIENTS):
            client = await until(lambda: admitted(redis.port))
            assert client
            stack.enter_context(client)
        answers = await asyncio.gather(*(heard(proxy.port, b"PING\r\n") for _ in range(AT_ONCE)))
        assert answers.count(REDIS_IS_FULL) == AT_ONCE


async def test_every_client_that_says_one_thing_and_breaks_off_is_heard_by_the_server() -> None:
    words: list[bytes] = []

    async def listen(peer: Peer) -> None:
        data = bytearray()
        try:
            while chunk := await peer.read():
                data += chunk
        finally:
            words.append(bytes(data))

    async with serving(listen) as backend, running_proxy(BACKENDS=str(backend.address), HEALTH__TYPE="none") as proxy:
        for number in range(2 * AT_ONCE):
            client = await connect(proxy.port)
            await client.send(payload(128, number))
            client.reset()
        await until(lambda: len(words) == 2 * AT_ONCE)
        assert set(words) == {payload(128, number) for number in range(2 * AT_ONCE)}


async def test_a_receiver_that_reads_nothing_holds_up_the_last_words_to_it_for_seconds_only() -> None:
    async with running_worker() as worker, route(worker, kernel_buffer=SMALL_BUFFER) as way:
        before = worker.descriptors
        client, backend = await way.session(receive_buffer=SMALL_BUFFER)
        talk = asyncio.create_task(backend.send(payload(16_000_000)))
        await until_stalled(backend)
        talk.cancel()
        await asyncio.gather(talk, return_exceptions=True)
        backend.reset()
        closed = await until(lambda: worker.events("session_closed"), seconds=30)
        assert closed[0]["reason"] == "backend_reset"
        await until(lambda: worker.descriptors == before, seconds=30)
        assert await client.was_reset()
