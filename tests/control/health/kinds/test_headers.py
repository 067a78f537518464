"""The headers that a check is told to send, and that nothing shows them."""

import pytest

from tests.support.backends import answering, http_answer, running_backend
from tests.support.probes import probe

HEADERS = 'Authorization: Bearer s3cret, Sec-WebSocket-Protocol: "chat.v2, chat", User-Agent: watcher'


@pytest.mark.parametrize("kind", ["http", "websocket", "socketio"])
async def test_a_check_sends_the_headers_that_it_is_told_to_beside_its_own(kind: str) -> None:
    requests: list[bytes] = []
    async with running_backend(answering(http_answer("401 Unauthorized"), requests=requests)) as backend:
        await probe(backend.port, kind, headers=HEADERS)
    lines = requests[0].decode().lower().split("\r\n")
    assert {"authorization: bearer s3cret", "sec-websocket-protocol: chat.v2, chat", f"host: {backend.name}"} <= set(lines)
    assert [line for line in lines if line.startswith("user-agent:")] == ["user-agent: watcher"]
    assert ("sec-websocket-version: 13" in lines) is (kind != "http")


async def test_a_backend_that_sends_a_header_back_does_not_put_its_value_into_the_reason() -> None:
    async with running_backend(answering(b"bad token s3cret in Bearer s3cret\r\n\r\n")) as backend:
        reason = await probe(backend.port, "http", headers=HEADERS)
    assert reason == "expected an HTTP answer, got 'bad token *** in ***'"
