"""Real servers to probe: started on loopback from what the system has installed, gone with all their files at the end."""

import asyncio
import os
import pwd
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trustme
from aiosmtpd.smtp import SMTP

from tests.support.missing import skip_or_fail
from tests.support.ports import free_port
from tests.support.waiting import until

START = 30.0
NOBODY = "nobody"
POSTGRES_FOLDERS = [str(path) for path in Path("/usr/lib/postgresql").glob("*/bin")]
"""Debian keeps its programs out of the way, one folder per version."""


@dataclass(frozen=True)
class Server:
    """A running server: its port, and the file that it logs to."""

    port: int
    log: Path

    @property
    def logged(self) -> str:
        """All that it has logged so far."""
        return self.log.read_text(errors="replace")


def program(name: str, *more_folders: str) -> str:
    """Where a program is; the test is skipped when it is not installed, and fails in CI."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", *more_folders]))
    if found is None:
        skip_or_fail(f"{name} is not installed: see tests/support/system_packages.sh")
    return found


@contextmanager
def folder_of_nobody() -> Iterator[Path]:
    """An empty folder for a server that must not run as root."""
    with tempfile.TemporaryDirectory(prefix="tidegate-") as name:
        if os.geteuid() == 0:
            os.chown(name, pwd.getpwnam(NOBODY).pw_uid, -1)
        yield Path(name)


@asynccontextmanager
async def running(*command: str, log: Path, as_nobody: bool = False) -> AsyncIterator[Process]:
    """A process that writes to the log, killed at the end."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=output, stderr=STDOUT, user=NOBODY if as_nobody and os.geteuid() == 0 else None
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def finish(*command: str, as_nobody: bool = False) -> None:
    """Run a command to its end, which must be a good one."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=PIPE, stderr=STDOUT, user=NOBODY if as_nobody and os.geteuid() == 0 else None
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode(errors="replace")


async def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@asynccontextmanager
async def redis_server(folder: Path, *options: str) -> AsyncIterator[Server]:
    """A Redis without a file of its own."""
    server = Server(free_port(), folder / "redis.log")
    command = [
        program("redis-server"),
        "--bind",
        "127.0.0.1",
        "--port",
        str(server.port),
        "--save",
        "",
        "--dir",
        str(folder),
    ]
    async with running(*command, *options, log=server.log):
        await until(lambda: listens(server.port), seconds=START)
        yield server


@asynccontextmanager
async def server_at(socket_file: Path, *command: str, log: Path, as_nobody: bool = False) -> AsyncIterator[Process]:
    """A server that listens at a Unix socket, once it does."""
    async with running(*command, log=log, as_nobody=as_nobody) as process:
        await until(lambda: accepts(socket_file), seconds=START)
        yield process


async def accepts(socket_file: Path) -> bool:
    """Whether somebody accepts connections at a Unix socket."""
    try:
        _, writer = await asyncio.open_unix_connection(str(socket_file))
    except OSError:
        return False
    writer.close()
    return True


@asynccontextmanager
async def postgres_server(rules: str, certificate: trustme.LeafCert) -> AsyncIterator[Server]:
    """A PostgreSQL with these rules (pg_hba.conf), TLS, and a superuser `postgres`."""
    initdb, postgres = program("initdb", *POSTGRES_FOLDERS), program("postgres", *POSTGRES_FOLDERS)
    with folder_of_nobody() as folder:
        data = folder / "data"
        await finish(initdb, "-D", str(data), "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale", "C", as_nobody=True)
        (data / "pg_hba.conf").write_text(rules)
        certificate.private_key_and_cert_chain_pem.write_to_path(data / "server.pem")
        for name in ("server.pem", "pg_hba.conf"):
            (data / name).chmod(0o600)
            shutil.chown(data / name, data.owner())
        server = Server(free_port(), folder / "postgres.log")
        options = {
            "listen_addresses": "127.0.0.1", "port": server.port, "unix_socket_directories": "", "fsync": "off", "ssl": "on",
            "ssl_cert_file": "server.pem", "ssl_key_file": "server.pem", "shared_buffers": "1MB",
        }  # fmt: skip
        settings = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        async with running(postgres, "-D", str(data), *settings, log=server.log, as_nobody=True):
            await until(lambda: "ready to accept connections" in server.logged, seconds=START)
            yield server


@asynccontextmanager
async def mariadb_server(folder: Path, *statements: str, more: Sequence[str] = ()) -> AsyncIterator[Server]:
    """A MariaDB in which these statements have been executed, with more options."""
    install, server_program = program("mariadb-install-db"), program("mariadbd")
    server = Server(free_port(), folder / "mariadb.log")
    (folder / "init.sql").write_text("\n".join(f"{statement};" for statement in statements))
    user = ["--user=root"] if os.geteuid() == 0 else []
    common = ["--no-defaults", *user, f"--datadir={folder / 'data'}"]
    await finish(install, *common, "--auth-root-authentication-method=normal", "--skip-test-db")
    options = [
        f"--port={server.port}", "--bind-address=127.0.0.1", f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}",
        f"--init-file={folder / 'init.sql'}", "--innodb-buffer-pool-size=8M",
    ]  # fmt: skip
    async with running(server_program, *common, *options, *more, log=server.log):
        await until(lambda: "ready for connections" in server.logged, seconds=START)
        yield server


@asynccontextmanager
async def nginx_server(folder: Path, certificate: trustme.LeafCert, locations: str) -> AsyncIterator[Server]:
    """An nginx that serves these locations over TLS."""
    server = Server(free_port(), folder / "nginx.log")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    temporary = "\n".join(
        f"{kind}_temp_path {folder / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = folder / "nginx.conf"
    configuration.write_text(f"""
        daemon off; master_process off; pid {folder / "nginx.pid"}; error_log stderr info;
        events {{ worker_connections 64; }}
        http {{
            access_log off; {temporary}
            server {{
                listen 127.0.0.1:{server.port} ssl;
                ssl_certificate {folder / "server.pem"}; ssl_certificate_key {folder / "server.pem"};
                {locations}
            }}
        }}
    """)
    async with running(program("nginx"), "-p", str(folder), "-c", str(configuration), log=server.log):
        await until(lambda: listens(server.port), seconds=START)
        await until(lambda: "client closed connection" in server.logged, seconds=START)  # the one that has just asked
        yield server


@asynccontextmanager
async def openssl_server(folder: Path, name: str, certificate: trustme.LeafCert, *options: str) -> AsyncIterator[Server]:
    """An `openssl s_server` with these options."""
    server, pem = Server(free_port(), folder / f"{name}.log"), folder / f"{name}.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(pem)
    command = (program("openssl"), "s_server", "-accept", f"127.0.0.1:{server.port}", "-cert", str(pem), "-key", str(pem))
    async with running(*command, *options, log=server.log):
        await until(lambda: "ACCEPT" in server.logged, seconds=START)
        yield server


@asynccontextmanager
async def smtp_server(host: str = "127.0.0.1") -> AsyncIterator[int]:
    """The port of an aiosmtpd."""
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(None, hostname="mail.example"), host, 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


@asynccontextmanager
async def grpc_servers(folder: Path) -> AsyncIterator[tuple[int, int]]:
    """The ports of two gRPC servers: one with the health service, one with no service at all."""
    log = folder / "grpc.log"
    async with running(sys.executable, "-m", "tests.support.grpc_server", log=log):
        await until(lambda: log.read_text().endswith("\n"), seconds=START)
        first, second = (int(word) for word in log.read_text().split())
        yield first, second
