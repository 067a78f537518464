"""Checks of backends at Unix sockets."""

import asyncio
from pathlib import Path

import pytest

from tests.support.backends import answering, http_answer, running_backend
from tests.support.unix_peers import connect_unix, listening_unix
from tidegate.control.health.outcome import failure_of
from tidegate.core.pools.backend import Backend
from tidegate.settings.parts.health import HealthSettings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.sock"


async def probe(path: Path, kind: str, **health: object) -> str:
    """`ok`, or the reason why a backend at this socket does not pass."""
    settings = HealthSettings.model_validate({"type": kind, "timeout": "8s", "interval": "8s", **health})
    return await failure_of(Backend(f"unix:{path}", f"unix:{path}", 0), settings, "default") or "ok"


async def test_a_socket_is_up_when_somebody_accepts_there(path: Path) -> None:
    assert await probe(path, "tcp") == "no such file or directory"
    with listening_unix(path):
        assert await probe(path, "tcp") == "ok"


async def test_a_web_server_at_a_socket_is_asked_for_localhost(path: Path) -> None:
    requests: list[bytes] = []
    async with running_backend(answering(http_answer("200 OK"), requests=requests), host=f"unix:{path}"):
        assert await probe(path, "http") == "ok"
        assert await probe(path, "http", host="app.internal") == "ok"
        assert await probe(path, "socketio") != "ok"
    hosts = [line for request in requests for line in request.decode().split("\r\n") if line.lower().startswith("host:")]
    assert hosts == ["Host: localhost", "Host: app.internal", "Host: localhost"]


async def test_a_mail_server_at_a_socket_is_greeted_from_loopback(path: Path) -> None:
    heard: list[bytes] = []

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        heard.append(await reader.readline())
        writer.write(b"250 ok\r\n")
        await reader.readline()
        writer.close()

    async with running_backend(greet, host=f"unix:{path}"):
        assert await probe(path, "smtp") == "ok"
    assert heard == [b"EHLO [127.0.0.1]\r\n"]


async def test_a_check_waits_for_a_place_in_a_full_queue(path: Path) -> None:
    with listening_unix(path, backlog=0) as backend, await connect_unix(path):
        assert await probe(path, "tcp", timeout="100ms") == "no connection in 100ms"
        waiting = asyncio.create_task(probe(path, "tcp"))
        await asyncio.sleep(0)  # it has found the queue full
        (await backend.accept()).close()
        assert await waiting == "ok"
