"""More clients than descriptors, and clients that never read: accepting pauses, memory stays bounded, nobody is lost."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.support import peers
from tests.support.backends import echo, running_backend
from tests.support.clients import Client, ask_all, clients, connect
from tests.support.memory import proportional_set_size
from tests.support.proxy import Proxy, running_proxy
from tests.support.waiting import until

DESCRIPTORS = 300
CLIENTS, DEAF = 200, 100
MOST_SENT = 4 << 20  # bytes per client, more than the kernel keeps for a session of ours
MEMORY_PER_STALLED_SESSION = 192 * 1024
DEAF_BUFFER = 16 * 1024
MOST_HELD = 1 << 20  # bytes, by all buffers on the way when they are limited
STALLED = 1.0  # seconds in which nothing more is taken


async def test_out_of_descriptors_accepting_pauses_until_sessions_end_and_everybody_is_served() -> None:
    limit = ("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}")
    async with (
        running_backend(echo) as backend,
        running_proxy(BACKENDS=backend.name, command=limit) as proxy,
        clients(proxy.port, CLIENTS) as connected,
    ):
        paused = await proxy.event("accept_paused")
        assert paused["level"] == "warning"
        assert "limit of open files" in paused["reason"]
        assert await proxy.metrics("tidegate_listener_accept_pauses_total", listener="default") >= 1
        served = await proxy.metrics("tidegate_listener_connections_active")
        assert served == paused["sessions"] < DESCRIPTORS / 2
        assert await ask_all(connected[: int(served)]) == served, "sessions that live go on"
        assert (await proxy.get("/readyz"))[0] == 200

        await everybody_is_served(connected)
        await proxy.event("accept_resumed")
        await until(lambda: has_no_sessions(proxy))
        late = await connect(proxy.port)
        assert await late.ask(b"and one more") == b"and one more"
        await late.finish()
        assert await proxy.stop() == 0
        await proxy.event("stopped")
        assert proxy.events("session_closed", reason="error") == []
        assert len(proxy.events("session_closed")) == CLIENTS + 1


async def everybody_is_served(connected: Sequence[Client]) -> None:
    """Each asks once and leaves, which makes room for those who wait."""

    async def ask_and_leave(number: int, client: Client) -> None:
        payload = f"client {number}".encode()
        assert await client.ask(payload) == payload
        assert await client.finish() == b""

    async with asyncio.timeout(30):
        await asyncio.gather(*(ask_and_leave(number, client) for number, client in enumerate(connected)))


async def has_no_sessions(proxy: Proxy) -> bool:
    return await proxy.metrics("tidegate_listener_connections_active") == 0


@pytest.mark.parametrize("limited", [True, False])
async def test_the_kernel_holds_no_more_for_a_client_that_never_reads_than_the_buffers_say(*, limited: bool) -> None:
    buffers: dict[str, Any] = {"RECEIVE_BUFFER": "32KiB", "SEND_BUFFER": "32KiB"} if limited else {}
    with peers.listening(kernel_buffer=DEAF_BUFFER) as backend, ExitStack() as stack:
        async with running_proxy(BACKENDS=backend.address, HEALTH__TYPE="none", **buffers) as proxy:
            stack.enter_context(await peers.connect(proxy.port, receive_buffer=DEAF_BUFFER))
            sender = stack.enter_context(await backend.accept())
            sent = await send_until_nobody_takes_it(sender.sock)
            assert (sent < MOST_HELD) == limited, sent


async def test_clients_that_send_and_never_read_cost_little_and_disturb_nobody() -> None:
    async with running_backend(echo) as backend, running_proxy(BACKENDS=backend.name, HEALTH__TYPE="none") as proxy:
        (worker,) = await proxy.worker_pids()
        client = await connect(proxy.port)
        assert await client.ask(b"hello") == b"hello"
        before = proportional_set_size(worker)
        with deaf_clients(proxy.port) as deaf:
            await asyncio.gather(*(send_until_nobody_takes_it(sock) for sock in deaf))
            assert proportional_set_size(worker) - before < DEAF * MEMORY_PER_STALLED_SESSION
            for _ in range(10):
                assert await client.ask(b"still there?") == b"still there?"
            newcomer = await connect(proxy.port)
            assert await newcomer.ask(b"and I?") == b"and I?"
            await newcomer.finish()
        await client.finish()
        await until(lambda: has_no_sessions(proxy))
        assert await proxy.stop() == 0
        await proxy.event("stopped")
        assert len(proxy.events("session_closed", reason="client_reset")) == DEAF


@contextmanager
def deaf_clients(port: int) -> Iterator[list[socket.socket]]:
    """Clients with little room for what they never read."""
    with ExitStack() as stack:
        deaf = []
        for _ in range(DEAF):
            sock = stack.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, DEAF_BUFFER)
            sock.connect(("127.0.0.1", port))
            sock.setblocking(False)
            deaf.append(sock)
        yield deaf


async def send_until_nobody_takes_it(sock: socket.socket) -> int:
    """Answer how many bytes were taken, in whole pieces."""
    loop = asyncio.get_running_loop()
    piece = bytes(64 * 1024)
    for number in range(MOST_SENT // len(piece)):
        try:
            async with asyncio.timeout(STALLED):
                await loop.sock_sendall(sock, piece)
        except TimeoutError:
            return number * len(piece)
    return MOST_SENT
