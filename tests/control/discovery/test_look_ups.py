"""Look-ups of host names while the resolver hangs for some of them."""

import asyncio
import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.support.waiting import until
from tidegate.control.discovery.kubernetes.cluster import Cluster, Request
from tidegate.control.discovery.kubernetes.kubeconfig import Kubeconfig
from tidegate.control.discovery.look_ups import MOST_PROMPT, MOST_SLOW, SLOW_AFTER, LookUps
from tidegate.core.address import Address


class HangingResolver:
    """Hangs for each name that is dead until it may go on, and counts who is in it."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.under_way: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def __call__(self, host: str) -> list[str]:
        self.calls[host] += 1
        self.under_way[host] += 1
        try:
            if host.startswith("dead"):
                self.goes_on.wait()
                raise socket.gaierror(socket.EAI_AGAIN, "no answer")
            return ["10.0.0.1", "fd00::1"]
        finally:
            self.under_way[host] -= 1


@contextmanager
def hanging() -> Iterator[HangingResolver]:
    resolver = HangingResolver()
    try:
        yield resolver
    finally:
        resolver.goes_on.set()


async def asked(look_ups: LookUps, host: str) -> asyncio.Task[list[str]]:
    """A look-up under way; what comes of it is not looked at."""
    task = asyncio.ensure_future(look_ups.find(Address(host, 80)))
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    await asyncio.sleep(0)
    return task


async def test_dead_names_do_not_hold_a_good_one_up_and_each_has_one_thread_however_often_it_is_asked_for() -> None:
    look_ups = LookUps(resolver := HangingResolver())
    try:
        for _ in range(3):
            for number in range(20):
                (await asked(look_ups, f"dead-{number}.test")).cancel()
        assert await look_ups.find(Address("good.test", 80)) == ["10.0.0.1", "fd00::1"]
        await until(lambda: resolver.under_way.total() == 20)
        assert set(resolver.calls.values()) == {1}
    finally:
        resolver.goes_on.set()


async def test_names_that_have_been_slow_wait_for_each_other_and_not_in_the_way_of_the_rest() -> None:
    names = [f"dead-{number}.test" for number in range(MOST_PROMPT)]
    with hanging() as resolver:
        look_ups = LookUps(resolver)
        first = [await asked(look_ups, name) for name in names]
        await until(lambda: resolver.under_way.total() == MOST_PROMPT)
        await asyncio.sleep(SLOW_AFTER * 1.1)
        resolver.goes_on.set()
        await asyncio.wait(first)
        resolver.goes_on.clear()
        for name in names:
            await asked(look_ups, name)
        assert await look_ups.find(Address("good.test", 80)) == ["10.0.0.1", "fd00::1"]
        assert resolver.under_way.total() <= MOST_SLOW


async def test_a_failure_says_what_the_system_says_and_the_next_look_up_is_a_new_one() -> None:
    with hanging() as resolver:
        resolver.goes_on.set()
        look_ups = LookUps(resolver)
        for times in (1, 2):
            with pytest.raises(OSError, match="no answer"):
                await look_ups.find(Address("dead.test", 80))
            assert resolver.calls["dead.test"] == times


async def test_a_resolver_that_hangs_does_not_keep_a_process_from_ending() -> None:
    script = """
import asyncio, threading
from tidegate.control.discovery.look_ups import LookUps
from tidegate.core.address import Address
async def main():
    look_up = asyncio.ensure_future(LookUps(lambda host: threading.Event().wait()).find(Address("dead.test", 80)))
    await asyncio.sleep(0.1)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
    try:
        assert await asyncio.wait_for(process.wait(), 20) == 0
    finally:
        if process.returncode is None:
            process.kill()


async def test_the_name_of_an_api_server_without_an_answer_takes_one_thread_and_holds_no_other_name_up(
    tmp_path: Path,
) -> None:
    config = tmp_path / "config"
    cluster = {"cluster": {"server": "https://dead.test:6443"}, "name": "a"}
    context = {"context": {"cluster": "a", "user": "a"}, "name": "a"}
    user = {"name": "a", "user": {"token": "t"}}
    config.write_text(
        yaml.safe_dump({"clusters": [cluster], "contexts": [context], "users": [user], "current-context": "a"})
    )
    with hanging() as resolver:
        look_ups = LookUps(resolver)
        request = Request("/version", {}, "ask in the namespace chat")

        async def ask() -> None:
            async with Cluster(Kubeconfig(str(config)), look_ups).get(request, answer_timeout=5.0, timeout=5.0):
                raise AssertionError("it has no address")

        asking = [asyncio.ensure_future(ask()) for _ in range(3)]
        await until(lambda: resolver.under_way["dead.test"])
        assert await look_ups.find(Address("api.test", 443)) == ["10.0.0.1", "fd00::1"]
        resolver.goes_on.set()
        for error in await asyncio.gather(*asking, return_exceptions=True):
            assert "no answer" in str(error)
        assert resolver.calls == {"dead.test": 1, "api.test": 1}
