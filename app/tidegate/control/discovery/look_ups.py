"""Looks up host names with the system's resolver, in a bounded number of threads.

The system's resolver cannot be cancelled: while a DNS server is silent, a look-up occupies its thread for up to a minute. So
there is one look-up of a name at a time, and names that were slow before have separate threads and delay only each other.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Thread
from time import monotonic

from tidegate.control.tasks import spawn
from tidegate.core.address import Address, alternating

MOST_PROMPT, MOST_SLOW = 64, 16
"""The most threads for names that were answered in time or not asked for yet; and for all other names."""

SLOW_AFTER = 1.0
TIMEOUT = 10.0
"""Seconds that a caller waits; the thread may take longer."""

Resolve = Callable[[str], list[str]]
Answer = asyncio.Future[list[str]]


def resolve(host: str) -> list[str]:
    """All addresses of a name, in the system's order. Blocks; raises OSError."""
    return [str(sockaddr[0]) for *_, sockaddr in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


class LookUps:
    """All look-ups of the process. Callers that ask for the same name at the same time share one look-up."""

    def __init__(self, resolve: Resolve = resolve) -> None:
        self._resolve = resolve
        self._under_way: dict[str, Answer] = {}
        self._slow: set[str] = set()
        self._prompt_places, self._slow_places = asyncio.Semaphore(MOST_PROMPT), asyncio.Semaphore(MOST_SLOW)

    async def find(self, name: Address) -> list[str]:
        """All addresses of a name, in the order to try them. Raises OSError or TimeoutError."""
        answer = self._under_way.get(name.host)
        if answer is None:
            answer = self._under_way[name.host] = asyncio.get_running_loop().create_future()
            answer.add_done_callback(lambda _: self._under_way.pop(name.host))
            spawn(self._look_up(name.host, answer), f"look-up {name.host}")
        async with asyncio.timeout(TIMEOUT):
            return alternating(await asyncio.shield(answer))

    async def _look_up(self, host: str, answer: Answer) -> None:
        async with self._slow_places if host in self._slow else self._prompt_places:
            started = monotonic()
            _start(self._resolve, host, answer)
            await asyncio.wait([answer])
            answer.exception()  # marks it as retrieved, in case every caller has given up
        (self._slow.add if monotonic() - started > SLOW_AFTER else self._slow.discard)(host)


def _start(resolve: Resolve, host: str, answer: Answer) -> None:
    """Resolve in a daemon thread, which ends with the process at the latest."""
    loop = asyncio.get_running_loop()

    def work() -> None:
        try:
            found = resolve(host)
        except Exception as error:  # noqa: BLE001  (the caller of `find` gets it)
            deliver = partial(answer.set_exception, error)
        else:
            deliver = partial(answer.set_result, found)
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(deliver)

    try:
        Thread(target=work, name=f"look-up {host}", daemon=True).start()
    except RuntimeError:
        answer.set_exception(OSError(errno.EAGAIN, "no thread for a look-up"))
