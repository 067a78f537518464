"""Somebody writes settings: wrong ones, in a file, for several listeners and pools, with IPv6 and with names."""

import asyncio
import re
import socket
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from tests.support.backends import echo, running_backend
from tests.support.clients import connect
from tests.support.command import tidegate
from tests.support.named_pools import FLAT_DEFAULTS
from tests.support.ports import free_port
from tests.support.proxy import running_proxy
from tidegate.core.limits import MOST_LISTENERS, MOST_POOLS

TOKEN = "a-very-secret-token"
NO_SUCH_NAME = "nobody.invalid"


def nobody_listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


async def test_bad_settings_never_start_a_proxy() -> None:
    port, admin_port = free_port(), free_port()
    good: dict[str, Any] = {"LISTEN": f"127.0.0.1:{port}", "ADMIN": f"127.0.0.1:{admin_port}", "BACKENDS": "127.0.0.1:1"}
    several: dict[str, Any] = {
        "BACKENDS": "127.0.0.1:1,127.0.0.1:99999",
        "HEALTH__INTERVALL": "3s",
        "CONNECT_TIMEOUT": "soon",
        "BALANCE": "fairly",
        "WORKERS": "0",
        "ADMIN_TOKEN": "tiny-*",
    }
    finished, checked, checked_good = await asyncio.gather(
        tidegate("run", **{**good, **several}), tidegate("check", **{**good, **several}), tidegate("check", **good)
    )
    assert (finished.code, finished.output) == (64, "")
    problems = finished.errors.splitlines()
    for name in several:
        (problem,) = [line for line in problems if f"TIDEGATE_{name}:" in line]
        assert re.search("expected|from 1 to 65535|did you mean TIDEGATE_HEALTH__INTERVAL", problem)
    assert len(problems) == len(several)
    assert "tiny-*" not in finished.errors
    assert nobody_listens(port)
    assert nobody_listens(admin_port)

    assert (checked.code, checked.errors) == (64, finished.errors)
    assert checked_good.code == 0


async def test_no_usable_backends_or_file_is_said_with_the_variable_s_name() -> None:
    wrong: list[dict[str, Any]] = [
        {}, {"BACKENDS": ""}, {"BACKENDS": "127.0.0.1:1,127.0.0.1:1"}, {"CONFIG_FILE": "/nowhere"}
    ]  # fmt: skip
    runs = await asyncio.gather(*(tidegate("run", **settings) for settings in wrong))
    assert [finished.code for finished in runs] == [64] * len(wrong)
    for finished, settings in zip(runs, wrong, strict=True):
        assert f"TIDEGATE_{next(iter(settings), 'BACKENDS')}: " in finished.errors


@pytest.mark.parametrize("taken", ["LISTEN", "ADMIN"])
async def test_a_taken_port_is_said_with_the_reason_and_nothing_else_is_bound(taken: str) -> None:
    other = free_port()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        binds: dict[str, Any] = {"LISTEN": f"127.0.0.1:{other}", "ADMIN": f"127.0.0.1:{other}", taken: f"127.0.0.1:{port}"}
        finished = await tidegate("run", **binds, BACKENDS="127.0.0.1:1", LOG__FORMAT="json")
    assert finished.code == 69
    (line,) = [orjson.loads(line) for line in finished.output.splitlines()]
    what = "listener default" if taken == "LISTEN" else "admin"
    assert (line["level"], line["event"]) == ("error", "cannot_bind")
    assert line["reason"] == f"{what}: cannot listen on 127.0.0.1:{port}: Address already in use"


async def test_an_address_that_this_machine_does_not_have_cannot_be_bound() -> None:
    finished = await tidegate(
        "run", LISTEN="203.0.113.9:8000", ADMIN=f"127.0.0.1:{free_port()}", BACKENDS="127.0.0.1:1", LOG__FORMAT="json"
    )
    assert finished.code == 69
    assert "listener default: cannot listen on 203.0.113.9:8000: Cannot assign requested address" in finished.output


async def test_a_second_tidegate_cannot_take_a_share_of_the_first_one_s_port() -> None:
    """SO_REUSEPORT alone would let both listen, and each would get half of the clients."""
    async with running_backend(echo) as backend, running_proxy(BACKENDS=backend.name, WORKERS=2) as first:
        settings: dict[str, Any] = {"ADMIN": f"127.0.0.1:{free_port()}", "BACKENDS": "127.0.0.1:1", "LOG__FORMAT": "json"}
        for bind in (f"127.0.0.1:{first.port}", f"[::]:{first.port}"):
            finished = await tidegate("run", **settings, LISTEN=bind)
            assert finished.code == 69
            assert f"cannot listen on {bind}: Address already in use" in finished.output
        client = await connect(first.port)
        assert await client.ask(b"undisturbed") == b"undisturbed"
        await client.close()
        assert await first.stop() == 0
        second = running_proxy(BACKENDS=backend.name, LISTEN=f"127.0.0.1:{first.port}")
        async with second as successor:
            client = await connect(first.port)
            assert await client.ask(b"its turn") == b"its turn"
            await client.close()
            assert await successor.stop() == 0


async def test_a_file_with_several_listeners_and_pools_below_variables(tmp_path: Path) -> None:
    chat_port, cache_port, extra_port = free_port(), free_port(), free_port()
    async with running_backend(echo) as one, running_backend(echo) as two, running_backend(echo, host="::1") as three:
        document = {
            "listeners": {
                "chat": {"bind": f"127.0.0.1:{chat_port}, [::1]:{extra_port}", "pool": "chat"},
                "cache": {"bind": [f"127.0.0.1:{cache_port}"], "pool": "cache"},
            },
            "pools": {
                "chat": {
                    "backends": [{"address": one.name, "weight": 2}, f"{two.name} backup"],
                    "balance": "round_robin",
                    "health": {"interval": "500ms", "timeout": "300ms"},
                },
                "cache": {"backends": three.name, "health": {"type": "none"}, "idle_timeout": "5m"},
            },
            "admin_token": TOKEN,
        }
        path = tmp_path / "tidegate.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        settings = {
            **FLAT_DEFAULTS,
            "CONFIG_FILE": path,
            "POOLS__CHAT__BALANCE": "source_hash",
            "SERVICE_HOST": "10.96.0.7",
            "SERVICE_PORT_HTTP": "8000",
            "PORT": "tcp://10.96.0.7:8000",
            "PORT_8000_TCP_ADDR": "10.96.0.7",
        }
        async with running_proxy(command=("env", "KUBERNETES_SERVICE_HOST=10.96.0.1"), **settings) as proxy:
            for port, host in ((chat_port, "127.0.0.1"), (extra_port, "::1"), (cache_port, "127.0.0.1")):
                client = await connect(port, host=host)
                assert await client.ask(b"through") == b"through"
                await client.finish()
            status = await proxy.status()
            assert (await proxy.get("/connections"))[0] == 401, "a token that is set is asked of everybody"
            assert (await proxy.get("/connections", Authorization=f"Bearer {TOKEN}"))[0] == 200
            assert TOKEN not in str(status)
            proxy.process.terminate()
            # The default of the delay inside Kubernetes, without a wait for it.
            assert (await proxy.event("drain_started"))["delay_seconds"] == 5
            proxy.process.terminate()
            assert await proxy.exit_code() == 0
            await proxy.event("stopped")
            assert TOKEN not in str(proxy.log) + proxy.errors

        chat, cache = status["pools"]
        assert (chat["name"], chat["balance"], cache["name"]) == ("chat", "source_hash", "cache")
        assert [(backend["weight"], backend["backup"]) for backend in chat["backends"]] == [(2, False), (1, True)]
        assert [backend["connections_total"] for backend in chat["backends"]] == [2, 0]
        assert cache["backends"][0]["name"] == f"[::1]:{three.port}"
        binds = {listener["name"]: listener["bind"] for listener in status["listeners"]}
        assert binds == {"chat": f"127.0.0.1:{chat_port}, [::1]:{extra_port}", "cache": f"127.0.0.1:{cache_port}"}
        await check_shows_the_same(settings)


async def check_shows_the_same(settings: dict[str, Any]) -> None:
    checked = await tidegate("check", variables={"KUBERNETES_SERVICE_HOST": "10.96.0.1"}, **settings)
    assert (checked.code, checked.errors) == (0, "")
    assert TOKEN not in checked.output
    effective = yaml.safe_load(checked.output)
    assert effective["admin_token"] == "*" * len(effective["admin_token"])
    assert effective["pools"]["chat"]["balance"] == "source_hash"
    assert effective["pools"]["cache"]["idle_timeout"] == "5m"
    assert effective["drain"] == {"delay": "5s", "grace": "25s", "backend_grace": "0s"}


async def test_a_backend_s_name_is_resolved_and_one_that_is_unknown_keeps_its_place() -> None:
    async with running_backend(echo) as backend:
        known, unknown = f"localhost:{backend.port}", f"{NO_SUCH_NAME}:{backend.port}"
        async with running_proxy(BACKENDS=f"{known},{unknown}", READY__MIN_BACKENDS=2, wait=False) as proxy:
            await proxy.event("backend_up", backend=known)
            failed = await proxy.event("discovery_failed", pool="default", name=unknown)
            assert failed["reason"]
            line = await proxy.event("backend_down", backend=unknown)
            assert line["reason"] == "the name cannot be resolved"
            client = await connect(proxy.port)
            assert await client.ask(b"by name") == b"by name"
            await client.close()

            backends = await proxy.backends()
            assert (backends[known]["address"], backends[known]["state"]) == ("127.0.0.1", "up")
            assert (backends[unknown]["address"], backends[unknown]["state"]) == (None, "down")
            assert backends[unknown]["health"]["last_result"] == "the name cannot be resolved"
            discovery = (await proxy.status())["pools"][0]["discovery"]
            assert (discovery["source"], discovery["synced"]) == ("static", False)
            assert await proxy.metrics("tidegate_discovery_synced", pool="default") == 0
            code, body = await proxy.get("/readyz")
            why = f"static: {unknown}: {failed['reason']}"
            assert code == 503
            assert orjson.loads(body)["reasons"] == [f"pool default: 1 of at least 2 backends usable ({why})"]
            assert await proxy.stop() == 0


async def test_a_wrong_token_value_is_never_shown() -> None:
    secret = "has a space so it is wrong"
    runs = (tidegate(command, BACKENDS="127.0.0.1:1", ADMIN_TOKEN=secret) for command in ("run", "check"))
    for finished in await asyncio.gather(*runs):
        assert finished.code == 64
        assert "TIDEGATE_ADMIN_TOKEN: expected" in finished.errors
        assert secret not in finished.errors + finished.output


async def test_more_pools_than_there_is_room_for_are_refused(tmp_path: Path) -> None:
    pools = {f"p{number}": {"backends": [f"127.0.0.1:{1000 + number}"]} for number in range(MOST_POOLS + 1)}
    listeners = {name: {"bind": f"127.0.0.1:{20000 + number}"} for number, name in enumerate(pools)}
    file = tmp_path / "many.yaml"
    file.write_text(yaml.safe_dump({"pools": pools, "listeners": listeners}))
    finished = await tidegate("check", CONFIG_FILE=file)
    assert finished.code == 64
    assert f"{MOST_POOLS + 1} pools: expected at most {MOST_POOLS}" in finished.errors
    assert f"{MOST_POOLS + 1} listeners: expected at most {MOST_LISTENERS}" in finished.errors
    crowd = {f"p{pool}": {"backends": [f"10.0.{pool}.{n // 250}:{1 + n}" for n in range(4000)]} for pool in range(5)}
    listeners = {name: {"bind": f"127.0.0.1:{20000 + number}"} for number, name in enumerate(crowd)}
    file.write_text(yaml.safe_dump({"pools": crowd, "listeners": listeners}))
    finished = await tidegate("check", CONFIG_FILE=file)
    assert finished.code == 64
    assert "20000 backends in all pools together: expected at most 16384" in finished.errors
