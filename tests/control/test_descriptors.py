"""Control under a low limit of open files: it says what it needs, and what is left is shared out."""

import os
import re
import signal
from functools import partial

from tests.support.backends import echo, running_backend
from tests.support.clients import clients, connect
from tests.support.proxy import Proxy, running_proxy
from tests.support.waiting import until

IDLE = 300


def limit(number: int) -> tuple[str, ...]:
    return "prlimit", f"--nofile={number}:{number}"


async def test_a_limit_that_is_too_low_is_refused_with_the_number_that_is_needed_and_that_suffices() -> None:
    async with running_backend(echo) as backend:
        async with running_proxy(BACKENDS=backend.name, WORKERS=2, wait=False, command=limit(24)) as refused:
            line = await refused.event("too_few_descriptors", level="error")
            assert await refused.exit_code() == 69
        needed = re.search(r"is 24: needed for workers \(2\), .* are (\d+)", line["reason"])
        assert needed
        async with running_proxy(BACKENDS=backend.name, WORKERS=2, command=limit(int(needed[1]))) as proxy:
            client = await connect(proxy.port)
            assert await client.ask(b"enough") == b"enough"
            await client.finish()
            assert await proxy.stop() == 0


async def test_idle_clients_of_the_admin_port_take_no_descriptors_of_probes_and_workers() -> None:
    async with (
        running_backend(echo) as backend,
        running_proxy(BACKENDS=backend.name, command=limit(256)) as proxy,
        clients(proxy.admin_port, IDLE),
    ):
        assert (await proxy.get("/healthz"))[0] == 200
        os.kill((await proxy.worker_pids())[0], signal.SIGKILL)
        await proxy.event("worker_restarted")
        await until(partial(serves, proxy))
        assert len(proxy.events("worker_restarted")) == 1
        assert not proxy.events("probe_impossible")


async def serves(proxy: Proxy) -> bool:
    """Whether a worker runs again and serves a client."""
    if not await proxy.worker_pids():
        return False
    client = await connect(proxy.port)
    try:
        return await client.ask(b"again") == b"again"
    finally:
        await client.close()
