"""A peer that is gone without a word, as after a power cut: its session ends, whether or not data is on the way to it."""

from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.peers import Peer, connect, listening
from tests.support.proxy import running_proxy

SHORT: dict[str, Any] = {"KEEPALIVE__IDLE": "1s", "KEEPALIVE__INTERVAL": "1s", "KEEPALIVE__COUNT": 1, "IDLE_TIMEOUT": "0"}
WITHIN = 30.0  # generous: left to itself, the kernel retransmits for a quarter of an hour


@pytest.mark.parametrize("dead", ["client", "backend"])
@pytest.mark.parametrize("data_in_flight", [True, False])
async def test_a_peer_that_is_gone_without_a_word_ends_its_session(dead: str, *, data_in_flight: bool) -> None:
    with listening() as backend, ExitStack() as stack:
        async with running_proxy(BACKENDS=backend.address, HEALTH__TYPE="none", **SHORT) as proxy:
            client = stack.enter_context(await connect(proxy.port))
            accepted = stack.enter_context(await backend.accept())
            await greet(client, accepted)
            gone, alive = (client, accepted) if dead == "client" else (accepted, client)
            gone.fall_silent()
            if data_in_flight:
                await alive.send(b"are you there?")
            closed = await proxy.event("session_closed", seconds=WITHIN)
            assert closed["reason"] == f"{dead}_reset"
            assert await alive.was_reset()


async def test_a_peer_that_lives_but_reads_nothing_for_the_peer_timeout_is_ended_too_as_the_documentation_says() -> None:
    with listening() as backend, ExitStack() as stack:
        async with running_proxy(BACKENDS=backend.address, HEALTH__TYPE="none", PEER_TIMEOUT="1s") as proxy:
            client = stack.enter_context(await connect(proxy.port, receive_buffer=16384))
            accepted = stack.enter_context(await backend.accept())
            await greet(client, accepted)
            with pytest.raises(ConnectionResetError):
                await accepted.send(bytes(64 << 20))
            assert (await proxy.event("session_closed", seconds=WITHIN))["reason"] == "client_reset"


async def greet(client: Peer, backend: Peer) -> None:
    """A message each way, so that nothing is unacknowledged."""
    for sender, receiver in ((client, backend), (backend, client)):
        await sender.send(b"hello")
        assert await receiver.read_exactly(5) == b"hello"
