"""Probes of Redis, PostgreSQL and MariaDB: the real ones, and peers that play their rarer answers."""

import asyncio
from pathlib import Path

import pytest
import trustme

from tests.support.backends import running_backend
from tests.support.probes import probe
from tests.support.scripted import Script, playing
from tests.support.servers import mariadb_server, postgres_server, redis_server
from tests.support.waiting import until

RULES = """
hostssl all scram 127.0.0.1/32 scram-sha-256
host all postgres 127.0.0.1/32 trust
"""


async def test_redis_is_asked_with_and_without_a_password(tmp_path: Path) -> None:
    acl = ["--requirepass", "s3cret", "--user", "probe", "on", ">pr0be", "-@all", "+ping"]
    async with redis_server(tmp_path) as plain:
        assert await probe(plain.port, "redis") == "ok"
        assert await probe(plain.port, "redis", password="s3cret") == "AUTH refused: no password is set there"
    async with redis_server(tmp_path, *acl) as guarded:
        assert await probe(guarded.port, "redis") == (
            "expected +PONG, got '-NOAUTH Authentication required.': give health.password"
        )
        assert await probe(guarded.port, "redis", password="s3cret") == "ok"
        assert await probe(guarded.port, "redis", user="probe", password="pr0be") == "ok"
        assert await probe(guarded.port, "redis", password="wrong") == "AUTH refused: expected +OK, got '-WRONGPASS'"


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([b"+OK\r\n"], "'+OK'"),
        ([b"+PONG PONG\r\n"], "'+PONG PONG'"),
        ([b"-LOADING Redis is loading the dataset in memory\r\n"], "'-LOADING Redis is loading the dataset in memory'"),
        ([b"-ERR max number of clients reached\r\n"], "'-ERR max number of clients reached'"),
        ([b"HTTP/1.1 400 Bad Request\r\n"], "'HTTP/1.1 400 Bad Request'"),
        ([b"\xff\x00\x1b[2J\r\n"], r"'\\xff\x00\x1b[2J'"),
        ([b"-" + b"x" * 200 + b"\r\n"], "'-" + "x" * 49 + " ... " + "x" * 25 + "'"),
    ],
)
async def test_what_redis_says_instead_of_pong_is_the_reason(answers: list[bytes], reason: str) -> None:
    async with running_backend(playing(Script(*answers))) as backend:
        assert await probe(backend.port, "redis") == f"expected +PONG, got {reason}"


async def test_a_password_that_is_echoed_is_not_shown() -> None:
    echo = b"-ERR unknown command 'AUTH', with args beginning with: 's3cret'\r\n"
    async with running_backend(playing(Script(echo))) as backend:
        assert await probe(backend.port, "redis", password="s3cret") == "AUTH refused: expected +OK, got '-ERR'"
    async with running_backend(playing(Script(b"+OK\r\n", echo))) as backend:
        reason = await probe(backend.port, "redis", password="s3cret")
        assert reason.endswith("args beginning with: '***'\"")


async def test_postgres_is_up_whether_or_not_the_user_may_log_in_and_its_log_stays_empty() -> None:
    certificate = trustme.CA().issue_cert("127.0.0.1")
    async with postgres_server(RULES, certificate) as server:
        before = server.logged
        for user in ("scram", "postgres"):
            assert await probe(server.port, "postgres", user=user) == "ok"
        assert await probe(server.port, "postgres") == "ok"
        assert await probe(server.port, "postgres", user="nobody") == "ok", "that it is refused proves that it works"
        await until(lambda: "no pg_hba.conf entry" in server.logged)
        (line,) = server.logged.removeprefix(before).splitlines()
        assert 'user "nobody"' in line, "and that is all that is logged"


def postgres_message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def postgres_error(code: str, text: str) -> bytes:
    return postgres_message(b"E", f"SFATAL\0C{code}\0M{text}\0\0".encode())


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (
            [b"N", postgres_error("57P03", "the database system is starting up")],
            "error '57P03': 'the database system is starting up'",
        ),
        (
            [b"N", postgres_error("53300", "sorry, too many clients already")],
            "error '53300': 'sorry, too many clients already'",
        ),
        ([b"N", postgres_error("3D000", "no such database")], "ok"),
        ([b"N", postgres_message(b"R", b"\0\0\0\x03")], "ok"),
        (
            [b"N", postgres_message(b"R", bytes(4)) + postgres_error("57P01", "shutting down")],
            "error '57P01': 'shutting down'",
        ),
        ([b"H"], "expected S or N to SSLRequest, got 'H'"),
        ([b"N", b"HTTP/1.1 400"], "expected a message of the PostgreSQL protocol, got 'HTTP/'"),
        ([b"N", postgres_message(b"Q", b"")], "expected R or E to a startup packet, got 'Q'"),
        ([b"N"], "connection closed without an answer"),
    ],
)
async def test_what_postgres_says_to_a_startup_packet_decides(answers: list[bytes], reason: str) -> None:
    async with running_backend(playing(Script(*answers))) as backend:
        assert await probe(backend.port, "postgres") == reason


async def test_what_comes_in_clear_before_tls_does_not_count_as_an_answer() -> None:
    certificate = trustme.CA().issue_cert("127.0.0.1")

    async with postgres_server(RULES, certificate) as server:

        async def one_in_the_middle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", server.port)
            to_server.write(await reader.readexactly(8))
            writer.write(await from_server.readexactly(1) + postgres_message(b"R", b"\0\0\0\x03"))
            try:
                await asyncio.gather(copy(reader, to_server), copy(from_server, writer))
            finally:
                to_server.transport.abort()

        async with running_backend(one_in_the_middle) as backend:
            assert (await probe(backend.port, "postgres")).startswith("TLS handshake failed: ")


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(4096):
        writer.write(data)
    writer.close()


async def test_mariadb_is_asked_so_that_it_never_blocks_the_proxy(tmp_path: Path) -> None:
    async with mariadb_server(tmp_path, "CREATE USER 'tidegate'@'%' IDENTIFIED BY ''") as server:
        before = server.logged
        assert await probe(server.port, "mysql") == "ok"
        assert await probe(server.port, "mysql", user="stranger") == "ok"
        await until(lambda: "Access denied for user 'stranger'" in server.logged)
        (line,) = server.logged.removeprefix(before).splitlines()
        assert "Access denied for user 'stranger'" in line, "nothing of the user that exists, no aborted connection"


def mysql_packet(number: int, body: bytes) -> bytes:
    return len(body).to_bytes(3, "little") + bytes([number]) + body


def mysql_error(number: int, code: int, text: str) -> bytes:
    return mysql_packet(number, b"\xff" + code.to_bytes(2, "little") + text.encode())


GREETING = mysql_packet(0, b"\x0a8.4.0\0" + bytes(31) + b"scramble0123\0caching_sha2_password\0")


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([mysql_error(0, 1040, "Too many connections")], "error 1040: 'Too many connections'"),
        ([mysql_error(0, 1129, "Host '10.0.0.9' is blocked")], "error 1129: \"Host '10.0.0.9' is blocked\""),
        ([GREETING, mysql_error(2, 1045, "#28000Access denied")], "ok"),
        ([GREETING, mysql_error(2, 1053, "#08S01Server shutdown in progress")], "error 1053: 'Server shutdown in progress'"),
        ([GREETING, mysql_packet(2, b"\xfemysql_native_password\0scramble\0"), mysql_error(4, 1045, "denied")], "ok"),
        ([GREETING, mysql_packet(2, bytes(7))], "ok"),
        ([GREETING, mysql_packet(2, b"\x07")], r"expected an answer to the login, got '\x07'"),
        ([mysql_packet(0, b"\x09old")], "expected a greeting of protocol 10, got '\\told'"),
        ([b"220 mail.example ESMTP\r\n"], "expected a packet of the MySQL protocol, got '220 '"),
        ([GREETING], "connection closed without an answer"),
    ],
)
async def test_what_mysql_says_to_a_login_decides(answers: list[bytes], reason: str) -> None:
    async with running_backend(playing(Script(*answers, greets=True))) as backend:
        assert await probe(backend.port, "mysql") == reason


async def test_mysql_is_asked_to_log_in_in_its_own_way() -> None:
    script = Script(
        GREETING, mysql_packet(2, b"\xfemysql_native_password\0scramble\0"), mysql_error(4, 1045, "no"), greets=True
    )
    async with running_backend(playing(script)) as backend:
        assert await probe(backend.port, "mysql", user="probe") == "ok"
    login, switched = script.heard[:2]
    assert login.endswith(b"probe\0\x01\0caching_sha2_password\0")
    assert switched == mysql_packet(3, b"")
