"""deploy/examples/socketio as it stands: its processes behind Tidegate, and a real Redis between them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.ship.containers import ROOT
from tests.support.node_peers import SocketIoServer, running_node, socketio_clients
from tests.support.proxy import running_proxy
from tests.support.servers import Server, redis_server
from tests.support.waiting import until

SCRIPT = ROOT / "deploy/examples/socketio/server.js"
# A Node process that has just started answers slowly.
CHECKS: dict[str, Any] = {"HEALTH__TYPE": "socketio", "HEALTH__INTERVAL": "2s", "HEALTH__TIMEOUT": "2s"}


@asynccontextmanager
async def process(name: str, redis: Server) -> AsyncIterator[SocketIoServer]:
    environ = {"HOST": "127.0.0.1", "PORT": "0", "NAME": name, "REDIS_URL": f"redis://127.0.0.1:{redis.port}"}
    async with running_node(SocketIoServer, SCRIPT, environ=environ) as server:
        server.port, server.name = (await server.hear("listening"))[0]["port"], name
        yield server


async def test_what_a_client_on_one_process_says_reaches_the_clients_on_all_others(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as redis, AsyncExitStack() as stack:
        starting = [stack.enter_async_context(process(f"process-{number}", redis)) for number in range(4)]
        processes = await asyncio.gather(*starting)
        backends = ",".join(server.address for server in processes)
        proxy = await stack.enter_async_context(running_proxy(BACKENDS=backends, **CHECKS))
        clients = await stack.enter_async_context(socketio_clients(proxy.url, count=4))
        connected = await clients.hear("connected", count=4)
        homes = {line["client"]: line["backend"] for line in connected}
        assert len(set(homes.values())) == 4, "each client is on a process of its own"

        await clients.do("say", client=0, text="hello, everybody")
        heard = await clients.hear("message", count=4, text="hello, everybody", backend=homes[0])
        assert {line["client"] for line in heard} == {0, 1, 2, 3}

        gone = next(server for server in processes if server.name == homes[0])
        await gone.kill()
        returned = await clients.hear("connected", count=2, client=0)
        assert returned[-1]["backend"] != gone.name
        await until(lambda: proxy.events("session_closed", backend=gone.address))
        await clients.do("say", client=0, text="back again")
        again = await clients.hear("message", count=4, text="back again", backend=returned[-1]["backend"])
        assert {line["client"] for line in again} == {0, 1, 2, 3}
