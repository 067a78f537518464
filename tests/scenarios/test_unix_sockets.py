"""Unix sockets in front and behind, as a sidecar has them, with real servers and clients."""

import asyncio
import os
import signal
import stat
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.edge_peers import haproxy, nginx
from tests.support.named_pools import FLAT_DEFAULTS
from tests.support.peers import connect, echo, payload, serving
from tests.support.proxy import running_proxy
from tests.support.servers import NOBODY, POSTGRES_FOLDERS, folder_of_nobody, program, server_at
from tests.support.unix_peers import connect_unix, is_bound, listening_unix
from tests.support.waiting import until

APP = """
def app(environ, start_response):
    body = environ["PATH_INFO"].encode() * 1000
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
NGINX_AT_A_SOCKET = """
http {{
    access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen unix:{at} proxy_protocol;
        location / {{ return 200 "$proxy_protocol_addr"; }}
    }}
    server {{ listen 127.0.0.1:{port}; }}
}}
"""
HAPROXY_TO_A_SOCKET = """
listen sends
    mode tcp
    bind 127.0.0.1:{port}
    server tidegate unix@{to} send-proxy-v2
"""


@pytest.fixture
def front(tmp_path: Path) -> Path:
    return tmp_path / "tidegate.sock"


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that other users may enter."""
    with folder_of_nobody() as folder:
        folder.chmod(0o755)
        yield folder


async def output_of(*command: str) -> str:
    """What a command that ends well writes."""
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return output.decode()


async def answers(*command: str) -> bool:
    """Whether a command ends well."""
    process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=DEVNULL)
    return await process.wait() == 0


@asynccontextmanager
async def redis_at(path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Redis that listens at a Unix socket only."""
    command = [program("redis-server"), "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(path.parent)]
    async with server_at(path, *command, log=path.with_suffix(".log")) as process:
        yield process


async def test_redis_is_found_checked_and_used_at_unix_sockets(tmp_path: Path, front: Path) -> None:
    behind = tmp_path / "redis.sock"
    client = (program("redis-cli"), "-s", str(front))
    settings: dict[str, Any] = {
        "LISTEN": f"unix:{front}",
        "BACKENDS": f"unix:{behind}",
        "HEALTH__TYPE": "redis",
        "WORKERS": 2,
    }
    async with redis_at(behind) as redis, running_proxy(**settings) as proxy:
        value = payload(20_000).hex()
        assert await output_of(*client, "set", "key", value) == "OK\n"
        assert await output_of(*client, "get", "key") == f"{value}\n"
        name = f"unix:{behind}"
        line = await proxy.event("session_closed", client="unix:", backend=name)
        assert line["sent_bytes"] > len(value)
        assert await proxy.metrics("tidegate_backend_up", backend=name) == 1
        assert await proxy.metrics("tidegate_backend_connections_total", backend=name) == 2
        (pool,) = orjson.loads((await proxy.get("/status"))[1])["pools"]
        assert [(backend["name"], backend["address"], backend["port"]) for backend in pool["backends"]] == [
            (name, name, None)
        ]
        redis.kill()
        await proxy.event("backend_down", backend=name, reason="connection refused")
        behind.unlink()
        seen = len(proxy.log)
        async with redis_at(behind):
            await proxy.event("backend_up", backend=name, after=seen)
            await until(lambda: answers(*client, "ping"))  # control says so a moment before the workers know
        assert await proxy.stop() == 0
        assert not is_bound(front)


async def test_gunicorn_is_asked_and_served_over_its_socket(tmp_path: Path, front: Path) -> None:
    behind = tmp_path / "app.sock"
    (tmp_path / "site_of_test.py").write_text(APP)
    command = [program("gunicorn"), "--workers", "1", "--backlog", "1", "--bind", f"unix:{behind}", "--chdir", str(tmp_path)]
    settings: dict[str, Any] = {"LISTEN": f"unix:{front}", "BACKENDS": f"unix:{behind}", "HEALTH__TYPE": "http"}
    async with (
        server_at(behind, *command, "site_of_test:app", log=tmp_path / "gunicorn.log"),
        running_proxy(**settings, HEALTH__TIMEOUT="5s", HEALTH__INTERVAL="5s") as proxy,
    ):
        curl = (program("curl"), "--silent", "--show-error", "--fail", "--unix-socket", str(front))
        pages = await asyncio.gather(*(output_of(*curl, f"http://localhost/{number}") for number in range(40)))
        assert pages == [f"/{number}" * 1000 for number in range(40)]  # though one at a time has a place in its queue
        assert await proxy.stop() == 0


async def test_psql_finds_the_proxy_where_it_looks_for_a_server(shared: Path) -> None:
    initdb, postgres = (program(name, *POSTGRES_FOLDERS) for name in ("initdb", "postgres"))
    data, behind = shared / "data", shared / ".s.PGSQL.5499"
    as_owner = ("runuser", "-u", NOBODY, "--") if os.geteuid() == 0 else ()
    await output_of(*as_owner, initdb, "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync")
    options = {"listen_addresses": "", "port": 5499, "unix_socket_directories": shared, "fsync": "off"}
    words = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
    command = [postgres, "-D", str(data), *words]
    front = shared / ".s.PGSQL.5432"
    async with (
        server_at(behind, *command, log=shared / "postgres.log", as_nobody=True),
        running_proxy(LISTEN=f"unix:{front}", BACKENDS=f"unix:{behind}", HEALTH__TYPE="postgres") as proxy,
    ):
        query = "select sum(n) from generate_series(1, 100000) n"
        assert await output_of(program("psql"), "-h", str(shared), "-U", "postgres", "-tAc", query) == "5000050000\n"
        await proxy.event("session_closed", client="unix:")
        assert await proxy.stop() == 0


async def test_a_client_of_a_load_balancer_is_known_behind_two_unix_sockets(tmp_path: Path, front: Path) -> None:
    behind = tmp_path / "nginx.sock"
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(nginx(tmp_path, NGINX_AT_A_SOCKET, at=behind))
        proxy = await stack.enter_async_context(
            running_proxy(
                LISTEN=f"unix:{front} mode=0666",
                BACKENDS=f"unix:{behind}",
                PROXY_PROTOCOL__FROM="unix:",
                SEND_PROXY_PROTOCOL="v2",
                HEALTH__TYPE="http",
            )
        )
        edge = await stack.enter_async_context(haproxy(tmp_path, HAPROXY_TO_A_SOCKET, to=front))
        with await connect(edge.port, source="127.0.0.5") as client:
            await client.send(b"GET / HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n")
            assert (await client.read_all()).endswith(b"\r\n\r\n127.0.0.5")
            name = f"127.0.0.5:{client.port}"
        await proxy.event("session_closed", client=name, peer="unix:")
        assert await proxy.stop() == 0


async def test_a_socket_is_only_for_those_whom_its_mode_names(shared: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    private, public = shared / "private.sock", shared / "public.sock"
    async with (
        serving(echo) as backend,
        running_proxy(LISTEN=f"unix:{private}, unix:{public} mode=0666", BACKENDS=str(backend.address)) as proxy,
    ):
        assert [stat.S_IMODE(path.stat().st_mode) for path in (private, public)] == [0o600, 0o666]
        ask = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
        codes = []
        for path in (private, public):
            process = await asyncio.create_subprocess_exec(
                "/usr/bin/python3", "-c", ask, str(path), user=NOBODY, stderr=PIPE, cwd="/"
            )
            _, errors = await process.communicate()
            codes.append((process.returncode, b"PermissionError" in errors))
        assert codes == [(1, True), (0, False)]
        assert await proxy.stop() == 0


async def test_a_proxy_that_was_killed_finds_its_way_back_and_a_second_one_does_not_take_its_place(front: Path) -> None:
    async with serving(echo) as backend:
        settings: dict[str, Any] = {"LISTEN": f"unix:{front}", "BACKENDS": str(backend.address), "WORKERS": 2}
        async with running_proxy(**settings) as killed:
            os.killpg(killed.process.pid, signal.SIGKILL)
            await killed.exit_code()
        assert is_bound(front)
        async with running_proxy(**settings) as first:
            async with running_proxy(wait=False, **settings) as second:
                assert await second.exit_code() == 69
                assert f"cannot listen on unix:{front}: Address already in use" in second.errors + str(second.log)
            with await connect_unix(front) as client:
                await client.send(b"x")
                assert await client.read_exactly(1) == b"x"
            assert await first.stop() == 0


async def test_a_proxy_that_cannot_bind_all_its_listeners_leaves_no_socket_behind(tmp_path: Path, front: Path) -> None:
    with listening_unix(tmp_path / "taken.sock"):
        settings: dict[str, Any] = {
            **FLAT_DEFAULTS,
            "POOLS__A__BACKENDS": "127.0.0.1:9",
            "LISTENERS__A__BIND": f"unix:{front}",
            "LISTENERS__B__BIND": f"unix:{tmp_path}/taken.sock",
            "LISTENERS__B__POOL": "a",
        }
        async with running_proxy(wait=False, **settings) as proxy:
            assert await proxy.exit_code() == 69
        assert not is_bound(front)


async def test_a_socket_behind_a_link_that_leads_back_to_the_listener_gets_no_client(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    settings: dict[str, Any] = {"LISTEN": f"unix:{tmp_path}/real/a", "BACKENDS": f"unix:{tmp_path}/link/a"}
    async with running_proxy(wait=False, **settings) as proxy:
        assert "leads back here" in (await proxy.event("backend_refused"))["reason"]
        assert await proxy.stop() == 0


async def test_the_other_workers_and_then_a_new_one_serve_a_socket_whose_worker_has_died(front: Path) -> None:
    async with (
        serving(echo) as backend,
        running_proxy(LISTEN=f"unix:{front}", BACKENDS=str(backend.address), WORKERS=2) as proxy,
    ):
        for _ in range(2):
            seen = len(proxy.log)
            os.kill((await proxy.worker_pids())[0], signal.SIGKILL)
            for _ in range(20):
                with await connect_unix(front) as client:
                    await client.send(b"x")
                    assert await client.read_exactly(1) == b"x"
            await proxy.event("worker_restarted", after=seen)
        assert await proxy.stop() == 0
