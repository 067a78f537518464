"""Backends that have just come up get a share that grows, with every policy that has a slow start."""

from contextlib import ExitStack
from time import monotonic
from typing import Any

import pytest

from tests.support.peers import Listening, connect, listening
from tests.support.waiting import until
from tests.support.worker import Worker, running_worker
from tidegate.link.board import BACKENDS, BackendCell

POLICIES = pytest.mark.parametrize("balance", ["round_robin", "least_connections", "least_latency"])
HOUR = 3600.0


async def placed(worker: Worker, stack: ExitStack, port: int, clients: int) -> tuple[int, int]:
    """Where so many more connections go that stay open."""
    before = shares(worker)
    for _ in range(clients):
        count = sum(shares(worker))
        stack.enter_context(await connect(port))
        await until(lambda count=count: sum(shares(worker)) > count)  # type: ignore[misc]
    first, second = shares(worker)
    return first - before[0], second - before[1]


def shares(worker: Worker) -> tuple[int, int]:
    return worker.cell(BACKENDS, 0, BackendCell.TOTAL), worker.cell(BACKENDS, 1, BackendCell.TOTAL)


async def two_backends(worker: Worker, first: Listening, second: Listening, second_warms_for: float, **settings: Any) -> int:
    """A pool whose second backend came up so many seconds ago; answers the port."""
    worker.add_pool(**settings)
    worker.set_backends([first.backend()])
    worker.set_backends([second.backend()], first_slot=1, warming_since=monotonic() - second_warms_for)
    return await worker.add_listener()


@pytest.mark.parametrize(("warm_for", "expected"), [(0.0, (20, 2)), (HOUR / 2, (20, 11)), (HOUR, (20, 20))])
@pytest.mark.parametrize("balance", ["round_robin", "least_connections"])
async def test_the_share_grows_with_the_time_since_a_backend_came_up(
    worker: Worker, balance: str, warm_for: float, expected: tuple[int, int]
) -> None:
    with listening() as first, listening() as second, ExitStack() as stack:
        port = await two_backends(worker, first, second, warm_for, balance=balance, slow_start=HOUR)
        assert await placed(worker, stack, port, sum(expected)) == expected


@pytest.mark.parametrize(("warm_for", "expected"), [(0.0, (20, 2)), (HOUR, (20, 20))])
async def test_the_share_grows_with_least_latency_too_where_backends_are_equally_fast(
    warm_for: float, expected: tuple[int, int]
) -> None:
    async def as_expected() -> bool:
        """A machine that stalls during one dial makes a backend look slow for the next ones."""
        async with running_worker() as worker:
            with listening() as first, listening() as second, ExitStack() as stack:
                port = await two_backends(worker, first, second, warm_for, balance="least_latency", slow_start=HOUR)
                return await placed(worker, stack, port, sum(expected)) == pytest.approx(expected, abs=2)

    await until(as_expected, seconds=60)


@POLICIES
async def test_the_share_grows_to_the_full_one_without_further_word_from_control(worker: Worker, balance: str) -> None:
    with listening() as first, listening() as second:
        port = await two_backends(worker, first, second, 0.0, balance=balance, slow_start=0.5)

        async def even() -> bool:
            with ExitStack() as stack:
                even = await placed(worker, stack, port, 4)
            for backend in (first, second):
                while backend.waiting:
                    (await backend.accept()).close()
            await until(lambda: worker.active == 0)
            return even == (2, 2)

        await until(even)


async def test_random_two_prefers_the_one_that_has_served_for_longer(worker: Worker) -> None:
    with listening() as first, listening() as second, ExitStack() as stack:
        port = await two_backends(worker, first, second, 0.0, balance="random_two", slow_start=HOUR)
        assert await placed(worker, stack, port, 22) == (20, 2), "of two, both are drawn: the load for the weight decides"


async def test_backends_that_come_up_together_share_evenly_whatever_their_weights_are_counted_in(worker: Worker) -> None:
    with listening() as first, listening() as second, ExitStack() as stack:
        worker.add_pool(balance="round_robin", slow_start=HOUR)
        worker.set_backends([first.backend(weight=2), second.backend()], warming_since=monotonic())
        port = await worker.add_listener()
        assert await placed(worker, stack, port, 9) == (6, 3)


async def test_a_slow_start_can_be_turned_off_and_on_while_a_pool_runs(worker: Worker) -> None:
    with listening() as first, listening() as second, ExitStack() as stack:
        port = await two_backends(worker, first, second, 0.0, slow_start=HOUR)
        worker.add_pool(slow_start=0.0)
        await worker.sessions()
        assert await placed(worker, stack, port, 8) == (4, 4)
        worker.add_pool(slow_start=HOUR)
        await worker.sessions()
        assert await placed(worker, stack, port, 22) == (20, 2)


async def test_a_backend_that_goes_down_or_leaves_while_it_warms_up_is_not_used(worker: Worker) -> None:
    with listening() as first, listening() as second, listening() as third, ExitStack() as stack:
        port = await two_backends(worker, first, second, 0.0, slow_start=0.1)
        worker.set_backends([third.backend()], first_slot=2, warming_since=monotonic())
        worker.set_backends([second.backend()], first_slot=1, eligible=False)
        worker.remove_backends([third.backend()])
        await worker.sessions()
        assert await placed(worker, stack, port, 4) == (4, 0)
        worker.set_backends([second.backend()], first_slot=1)
        await worker.sessions()
        assert await placed(worker, stack, port, 4) == (2, 2)
