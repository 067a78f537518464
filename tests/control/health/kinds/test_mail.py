"""Probes of mail servers: a real SMTP server, and peers that play the others."""

import pytest

from tests.support.backends import running_backend
from tests.support.probes import probe
from tests.support.scripted import Script, playing
from tests.support.servers import smtp_server

MANY_LINES = b"250-more\r\n" * 100


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_mail_server_that_greets_and_answers_ehlo_passes(host: str) -> None:
    async with smtp_server(host) as port:
        assert await probe(port, "smtp", host=host) == "ok"


@pytest.mark.parametrize(
    ("kind", "answers", "reason"),
    [
        ("smtp", [b"220-first\r\n220 last\r\n", b"250-SIZE\r\n250 HELP\r\n", b"221 bye\r\n"], "ok"),
        ("smtp", [b"220\r\n", b"250\r\n"], "ok"),
        ("smtp", [b"554 no service here\r\n"], "expected 220 as a greeting, got '554 no service here'"),
        ("smtp", [b"220 hi\r\n", b"502 what?\r\n"], "expected 250 to EHLO, got '502 what?'"),
        ("smtp", [b"220 hi\r\n", MANY_LINES], "more than 64 lines to EHLO"),
        ("smtp", [b"220 hi\r\n", b"250-SIZE\r\n550 or not\r\n"], "expected 250 to EHLO, got '550 or not'"),
        ("smtp", [b"220 hi\r\n"], "connection closed without an answer"),
        ("pop3", [b"+OK ready <1.2@mail.example>\r\n", b"+OK bye\r\n"], "ok"),
        ("pop3", [b"-ERR [SYS/TEMP] later\r\n"], "expected +OK as a greeting, got '-ERR [SYS/TEMP] later'"),
        ("imap", [b"* OK [CAPABILITY IMAP4rev1] ready\r\n", b"* BYE\r\na OK\r\n"], "ok"),
        ("imap", [b"* PREAUTH hello\r\n"], "ok"),
        ("imap", [b"* BYE overloaded\r\n"], "expected * OK or * PREAUTH as a greeting, got '* BYE overloaded'"),
    ],
)
async def test_the_greeting_and_the_answer_of_a_mail_server_decide(kind: str, answers: list[bytes], reason: str) -> None:
    script = Script(*answers, greets=True, hangs_up="closed" not in reason)
    async with running_backend(playing(script)) as backend:
        assert await probe(backend.port, kind) == reason


@pytest.mark.parametrize(
    ("kind", "greeting", "words"),
    [("smtp", b"220 hi\r\n", [b"EHLO [127.0.0.1]\r\n", b"QUIT\r\n"]), ("pop3", b"+OK\r\n", [b"QUIT\r\n"]),
     ("imap", b"* OK\r\n", [b"a LOGOUT\r\n"])],
)  # fmt: skip
async def test_a_mail_server_is_left_politely(kind: str, greeting: bytes, words: list[bytes]) -> None:
    script = Script(greeting, b"250 ok\r\n", greets=True)
    async with running_backend(playing(script)) as backend:
        assert await probe(backend.port, kind) == "ok"
    assert [said for said in script.heard if said] == words


async def test_a_server_that_does_not_end_after_quit_has_passed_all_the_same() -> None:
    for timeout in ("8s", "300ms"):
        async with running_backend(playing(Script(b"+OK\r\n", b"+OK bye\r\n", b"+OK bye\r\n", greets=True))) as backend:
            assert await probe(backend.port, "pop3", timeout=timeout) == "ok"
