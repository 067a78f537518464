"""Operators choose how their backends are checked, and learn exactly why one is down, but never a password."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.support.backends import echo, running_backend, silent
from tests.support.command import tidegate
from tests.support.named_pools import named_pools
from tests.support.proxy import Proxy, running_proxy
from tests.support.scripted import Script, playing
from tests.support.servers import grpc_servers, redis_server
from tests.support.waiting import until

PASSWORD = "correct-horse"
NO_MORE = 20e6
"""Bytes that control may grow by while it probes peers that never answer."""


async def test_each_pool_is_checked_in_its_own_way_and_says_why_a_backend_is_down(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(redis_server(tmp_path, "--requirepass", PASSWORD))
        healthy, _ = await stack.enter_async_context(grpc_servers(tmp_path))
        mute = await stack.enter_async_context(running_backend(silent))
        traffic = await stack.enter_async_context(running_backend(echo))
        elsewhere = await stack.enter_async_context(
            running_backend(playing(Script(b"220 hi\r\n", greets=True)), host="127.0.0.2")
        )
        pools: dict[str, dict[str, Any]] = {
            "redis": {"BACKENDS": f"127.0.0.1:{redis.port}", "HEALTH__TYPE": "redis", "HEALTH__PASSWORD": PASSWORD},
            "closed": {"BACKENDS": f"localhost:{redis.port}", "HEALTH__TYPE": "redis", "HEALTH__PASSWORD": f"{PASSWORD}!"},
            "grpc": {"BACKENDS": f"127.0.0.1:{healthy}", "HEALTH__TYPE": "grpc", "HEALTH__SERVICE": "drained"},
            "tls": {"BACKENDS": mute.name, "HEALTH__TYPE": "tls"},
            "moved": {
                "BACKENDS": traffic.name, "HEALTH__ADDRESS": elsewhere.host, "HEALTH__PORT": elsewhere.port,
                "HEALTH__TYPE": "send_expect", "HEALTH__EXPECT": r"220 hi\r\n",
            },
        }  # fmt: skip
        common: dict[str, Any] = {"HEALTH__INTERVAL": "250ms", "HEALTH__TIMEOUT": "250ms", "READY__MIN_BACKENDS": 0}
        settings = named_pools(**{name: common | pool for name, pool in pools.items()})
        proxy = await stack.enter_async_context(running_proxy(**settings))
        await until(lambda: probes_so_far(proxy, 20))
        memory = await proxy.metrics("process_resident_memory_bytes")
        assert {name: await last_result(proxy, name) for name in pools} == {
            "redis": "ok",
            "closed": "AUTH refused: expected +OK, got '-WRONGPASS'",
            "grpc": "expected the service 'drained' to be SERVING, got NOT_SERVING",
            "tls": "TLS handshake not finished in 250ms",
            "moved": "ok",
        }
        assert traffic.accepted_at == [], "only the other address is probed"
        await until(lambda: probes_so_far(proxy, 45))
        assert await proxy.metrics("process_resident_memory_bytes") - memory < NO_MORE
        assert mute.connections <= 2, "what has timed out is closed"
        assert proxy.events("internal_error") == []
        status = (await proxy.get("/status"))[1].decode()
        checked = await tidegate("check", **settings)
        assert (await proxy.stop(), checked.code) == (0, 0)
        for shown in (status, str(proxy.log), proxy.errors, checked.output, checked.errors):
            assert PASSWORD not in shown
        assert "password: '**********'" in checked.output


async def probes_so_far(proxy: Proxy, count: int) -> bool:
    return await proxy.metrics("tidegate_backend_health_checks_total") >= count


async def last_result(proxy: Proxy, pool: str) -> str:
    (backend,) = (await proxy.backends(pool)).values()
    return str(backend["health"]["last_result"])


async def test_a_check_that_cannot_work_never_starts_the_proxy_and_shows_no_password() -> None:
    finished = await tidegate(
        "run", BACKENDS="127.0.0.1:1", HEALTH__TYPE="imap", HEALTH__PASSWORD=PASSWORD, HEALTH__EXPECT_REGEX="(",
        HEALTH__CA_FILE="/nowhere/ca.pem", HEALTH__ADDRESS="mail.internal",
    )  # fmt: skip
    assert finished.code == 64
    for start in (
        "TIDEGATE_HEALTH__ADDRESS: 'mail.internal': expected an IP address",
        "TIDEGATE_HEALTH__CA_FILE: '/nowhere/ca.pem': cannot be read: No such file or directory",
        "TIDEGATE_HEALTH__EXPECT_REGEX: '(': not a regular expression: missing )",
        "TIDEGATE_HEALTH__PASSWORD: checks of type imap have no password: expected it only with redis",
    ):
        assert start in finished.errors
    assert PASSWORD not in finished.errors + finished.output
