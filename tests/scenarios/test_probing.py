"""Backends that flap, that are busy, and that are trusted at once: what the schedule of probes makes of them."""

from contextlib import suppress
from typing import Any

from tests.support.backends import TestBackend, echo, running_backend
from tests.support.clients import ask_all, clients, connect
from tests.support.ports import free_port
from tests.support.proxy import Proxy, running_proxy
from tests.support.waiting import until

THRESHOLD = 6
FLAPS = THRESHOLD + 1  # more than rise and fall: a count that is not reset by the other result would be seen
SLOW = {
    "HEALTH__INTERVAL": "500ms",
    "HEALTH__TIMEOUT": "500ms",
}  # metrics say after a second at most that a probe has failed


async def test_a_backend_that_accepts_and_refuses_in_turn_never_changes_its_state() -> None:
    settings: dict[str, Any] = {"HEALTH__RISE": THRESHOLD, "HEALTH__FALL": THRESHOLD, **SLOW}
    async with (
        running_backend(echo) as steady,
        running_backend(echo) as flapping,
        running_proxy(BACKENDS=f"{steady.name},{flapping.name}", **settings) as proxy,
    ):
        for _ in range(FLAPS):
            passed = len(flapping.accepted_at)
            await until(lambda: len(flapping.accepted_at) > passed)  # noqa: B023  (called at once)
            failed = await failures(proxy, flapping)
            await flapping.stop()
            await until(lambda: has_failed_again(proxy, flapping, failed))  # noqa: B023
            await flapping.start()
        assert [line["event"] for line in proxy.log if line.get("backend") == flapping.name and "previous" in line] == [
            "backend_up"
        ]
        found = (await proxy.backends())[flapping.name]
        assert found["state"] == "up"
        assert await proxy.stop() == 0


async def failures(proxy: Proxy, backend: TestBackend) -> float:
    return await proxy.metrics("tidegate_backend_health_checks_total", backend=backend.name, result="failure")


async def has_failed_again(proxy: Proxy, backend: TestBackend, before: float) -> bool:
    return await failures(proxy, backend) > before


async def test_real_traffic_spares_probes_until_a_dial_fails() -> None:
    async with (
        running_backend(echo) as backend,
        running_proxy(
            BACKENDS=backend.name,
            HEALTH__SKIP_ON_TRAFFIC="true",
            HEALTH__INTERVAL="300ms",
            HEALTH__TIMEOUT="300ms",
            HEALTH__FALL=2,
        ) as proxy,
    ):

        async def skipped(count: int) -> bool:
            client = await connect(proxy.port)
            assert await client.ask(b"hello") == b"hello"
            await client.finish()
            return await proxy.metrics("tidegate_backend_health_checks_total", result="skipped") >= count

        await until(lambda: skipped(4))
        found = (await proxy.backends())[backend.name]
        assert found["state"] == "up"
        await backend.stop()
        await until(lambda: is_down(proxy))
        (down,) = proxy.events("backend_down")
        assert down["reason"] == "connection refused"
        await backend.start()
        await proxy.event("backend_up", previous="down")
        assert await proxy.stop() == 0


async def is_down(proxy: Proxy) -> bool:
    """Whether it is, after one more client has come in vain."""
    with suppress(ConnectionResetError):  # which may come as early as that
        client = await connect(proxy.port)
        await client.end()
    return bool(proxy.events("backend_down"))


async def test_a_backend_that_is_trusted_at_once_serves_before_any_probe_has_passed() -> None:
    async with (
        running_backend(echo) as backend,
        running_proxy(BACKENDS=backend.name, HEALTH__INITIAL="up", HEALTH__INTERVAL="1h", HEALTH__PORT=free_port()) as proxy,
    ):
        client = await connect(proxy.port)
        assert await client.ask(b"hello") == b"hello"
        await client.finish()
        await until(lambda: has_failed_a_probe(proxy))
        (found,) = (await proxy.backends()).values()
        assert (found["state"], found["health"]["failures"]) == ("up", 1)
        assert proxy.events("backend_added")[0]["state"] == "up"
        assert await proxy.stop() == 0


async def has_failed_a_probe(proxy: Proxy) -> bool:
    return await proxy.metrics("tidegate_backend_health_checks_total", result="failure") == 1


async def test_a_backend_without_checks_is_used_and_shown_as_such_beside_one_that_is_checked() -> None:
    async with (
        running_backend(echo) as checked,
        running_backend(echo) as unchecked,
        running_proxy(BACKENDS=f"{checked.name}, {unchecked.name} no_check", HEALTH__TYPE="websocket") as proxy,
        clients(proxy.port, 1) as connected,
    ):
        shown = await proxy.backends()
        kinds = [(shown[peer.name]["state"], shown[peer.name]["health"]["type"]) for peer in (checked, unchecked)]
        assert kinds == [("down", "websocket"), ("up", "none")]
        assert await ask_all(connected) == unchecked.connections == 1
        assert len(unchecked.accepted_at) == 1, "nothing but the client"
