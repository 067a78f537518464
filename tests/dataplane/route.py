"""The shortest way through a worker: one listener, one pool, one backend whose connections a test accepts itself."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.options import CONNECTION
from tests.support.peers import Listening, Peer, connect, listening
from tests.support.worker import Worker


@dataclass(slots=True)
class Route:
    """Clients of `port` come out at `backend`. Closes all its peers at its end."""

    worker: Worker
    port: int
    backend: Listening
    stack: ExitStack = field(default_factory=ExitStack)

    async def client(self, *, receive_buffer: int = 0) -> Peer:
        """A new client."""
        return self.stack.enter_context(await connect(self.port, receive_buffer=receive_buffer))

    async def session(self, *, receive_buffer: int = 0) -> tuple[Peer, Peer]:
        """A new client and its connection at the backend."""
        client = await self.client(receive_buffer=receive_buffer)
        return client, self.stack.enter_context(await self.backend.accept())

    async def session_through(self, port: int) -> tuple[Peer, Peer]:
        """The same through another listener of the pool."""
        client = self.stack.enter_context(await connect(port))
        return client, self.stack.enter_context(await self.backend.accept())


@asynccontextmanager
async def route(
    worker: Worker, *, kernel_buffer: int = 0, max_connections: int = 0, **settings: Any
) -> AsyncIterator[Route]:
    """Lay a route with these settings of the pool.

    `kernel_buffer` limits what the kernel holds, in bytes, at the backend and at the worker's ends of both connections.
    """
    buffers = replace(CONNECTION, receive_buffer=kernel_buffer, send_buffer=kernel_buffer)
    with listening(kernel_buffer=kernel_buffer) as backend, ExitStack() as stack:
        worker.add_pool(connection=buffers, **settings)
        worker.set_backends([backend.backend(max_connections=max_connections)])
        yield Route(worker, await worker.add_listener(kernel_buffer=kernel_buffer), backend, stack)
