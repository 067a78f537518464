"""What must hold at the end: asked of a page that control has made after the last session."""

import asyncio
import itertools
from types import SimpleNamespace
from typing import cast

from tests.faults.invariants import COUNTED, come_to_rest
from tests.faults.ledger import Ledger
from tests.faults.watch import CounterWatch
from tests.faults.world import World
from tests.support.backends import answering, http_answer, running_backend
from tests.support.proxy import total


def page(sessions: int) -> bytes:
    return http_answer("200 OK", body="".join(f"# TYPE {name[:-6]} counter\n{name} {sessions}\n" for name in COUNTED))


async def test_a_page_of_a_moment_of_rest_before_the_last_sessions_is_not_taken_for_the_end() -> None:
    pages = itertools.chain([page(5)] * 3, itertools.repeat(page(7)))
    ledger = Ledger()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(next(pages))(reader, writer)

    async with running_backend(answer) as control:
        made = SimpleNamespace(admin_port=control.port, ledger=ledger, counters=CounterWatch(ledger))
        samples = await come_to_rest(cast("World", made))
    assert [total(samples, name) for name in COUNTED] == [7, 7]
    assert ledger.violations == []
