"""A backend comes back under load, and is not handed every new connection at once."""

from contextlib import AsyncExitStack

from tests.support.backends import echo, running_backend
from tests.support.clients import connect
from tests.support.proxy import Proxy, running_proxy


async def test_a_backend_that_comes_back_gets_a_tenth_of_its_share_first_and_those_that_started_with_the_proxy_all() -> None:
    async with (
        running_backend(echo) as steady,
        running_backend(echo) as flaky,
        running_proxy(
            BACKENDS=f"{steady.name}, {flaky.name}",
            SLOW_START="1h",  # it stays at a tenth for minutes
            HEALTH__INTERVAL="100ms",
            HEALTH__TIMEOUT="100ms",
            HEALTH__FALL=2,
        ) as proxy,
        AsyncExitStack() as stack,
    ):
        before = await totals(proxy)
        await open_clients(proxy, stack, 20)
        assert await totals(proxy) == {name: total + 10 for name, total in before.items()}
        await stack.aclose()
        await flaky.stop()
        await proxy.event("backend_down", backend=flaky.name, previous="up")
        await flaky.start()
        await proxy.event("backend_up", backend=flaky.name, previous="down")
        found = await proxy.backends()
        assert [(found[one.name]["weight"], found[one.name]["effective_weight"]) for one in (steady, flaky)] == [
            (1, 1), (1, 0.1)
        ]  # fmt: skip
        before = await totals(proxy)
        await open_clients(proxy, stack, 22)
        after = await totals(proxy)
        assert (after[steady.name] - before[steady.name], after[flaky.name] - before[flaky.name]) == (20, 2)


async def open_clients(proxy: Proxy, stack: AsyncExitStack, count: int) -> None:
    """Clients that stay, one after the other."""
    for _ in range(count):
        client = await connect(proxy.port)
        stack.push_async_callback(client.finish)
        assert await client.ask(b"hello") == b"hello"


async def totals(proxy: Proxy) -> dict[str, int]:
    """The connections of each backend so far."""
    return {name: backend["connections_total"] for name, backend in (await proxy.backends()).items()}
