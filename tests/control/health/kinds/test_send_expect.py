"""The probe that sends bytes and expects some."""

import asyncio
from typing import Any

import pytest

from tests.support.backends import running_backend, silent
from tests.support.peers import blackhole
from tests.support.ports import free_port
from tests.support.probes import probe
from tests.support.scripted import Script, playing


@pytest.mark.parametrize(
    ("answer", "health", "reason"),
    [
        (b"+PONG\r\n", {"expect": r"+PONG\r\n"}, "ok"),
        (b"\x16\x03\x03\0\x50", {"expect": r"\x16\x03"}, "ok"),
        (b"220 mail ESMTP\r\n", {"expect_regex": r"^220 .*ESMTP\r\n"}, "ok"),
        (b"\x00\xff\x01", {"expect_regex": r"\xff[\x00-\x02]"}, "ok"),
        (b"-ERR\r\n", {"expect": r"+PONG\r\n"}, r"expected '+PONG\r\n' before the end, got '-ERR\r\n'"),
        (b"bad\x1b[2J", {"expect_regex": "good|fine"}, r"expected a match of 'good|fine' before the end, got 'bad\x1b[2J'"),
    ],
)
async def test_the_answer_to_what_was_sent_decides(answer: bytes, health: dict[str, Any], reason: str) -> None:
    script = Script(answer, hangs_up=reason != "ok")
    async with running_backend(playing(script)) as backend:
        assert await probe(backend.port, "send_expect", send=r"PING \x01\r\n", **health) == reason
    assert script.heard[0] == b"PING \x01\r\n"


async def test_without_anything_to_send_the_greeting_decides() -> None:
    async with running_backend(playing(Script(b"220 mail\r\n", greets=True))) as backend:
        assert await probe(backend.port, "send_expect", expect="220 ") == "ok"


async def test_success_comes_with_the_match_and_not_with_the_end_of_the_answer() -> None:
    async with running_backend(in_pieces) as backend:
        assert await probe(backend.port, "send_expect", expect="hello") == "ok"
        assert await probe(backend.port, "send_expect", expect_regex="^hel+o$") == "ok"


async def in_pieces(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for piece in (b"he", b"llo"):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.01)  # so that both pieces travel alone
    await reader.read()


async def test_silence_is_told_with_all_that_had_happened_before() -> None:
    async with running_backend(playing(Script(b"abc", greets=True))) as chatty, running_backend(silent) as mute:
        health: dict[str, Any] = {"expect": "never", "timeout": "200ms"}
        assert await probe(mute.port, "send_expect", **health) == "connected, but nothing received in 200ms"
        assert await probe(mute.port, "send_expect", **health, send="14 bytes, I am") == (
            "no answer in 200ms after sending 14 bytes"
        )
        assert await probe(chatty.port, "send_expect", **health) == "expected 'never' within 200ms, got 'abc'"
        assert await probe(free_port(), "send_expect", **health) == "connection refused"
    async with blackhole() as backend:
        assert await probe(backend.port, "send_expect", **health) == "no connection in 200ms"


async def test_an_answer_is_searched_up_to_a_bound_only() -> None:
    async with running_backend(endless) as backend:
        reason = await probe(backend.port, "send_expect", expect="never")
        assert reason == f"expected 'never' in the first 16384 bytes, got '{'a' * 50} ... {'a' * 25}'"


async def endless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"a" * 65536)
        await writer.drain()


async def test_an_expression_that_takes_for_ever_on_some_answer_is_stopped() -> None:
    async with running_backend(playing(Script(b"a" * 40 + b"b", greets=True))) as backend:
        reason = await probe(backend.port, "send_expect", expect_regex="^(a|aa)+$")
        assert reason == "the expression took more than 0.05s on 41 bytes"
