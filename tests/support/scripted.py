"""Peers that answer what a script says, one answer each time that they are spoken to."""

import asyncio

from tests.support.backends import READ_SIZE, Behaviour


class Script:
    """Answers in their order; with `greets` the first comes unasked, with `hangs_up` the peer closes after the last.

    `heard` has what was said to the peer.
    """

    def __init__(self, *answers: bytes, greets: bool = False, hangs_up: bool = False) -> None:
        self.answers, self.greets, self.hangs_up = answers, greets, hangs_up
        self.heard: list[bytes] = []


def playing(script: Script) -> Behaviour:
    """Play a script to everybody who connects, then close."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, answer in enumerate(script.answers):
            if (number or not script.greets) and not await hear(reader):
                return
            writer.write(answer)
            await writer.drain()
        if not script.hangs_up:
            await hear(reader)

    async def hear(reader: asyncio.StreamReader) -> bytes:
        said = await reader.read(READ_SIZE)
        script.heard.append(said)
        return said

    return play
