"""`tidegate status` with what answers at the address of an admin port, and is none."""

import json
from copy import deepcopy
from typing import Any

import pytest

from tests.support.backends import answering, http_answer, running_backend
from tests.support.command import tidegate
from tidegate.cli.shape import fits

STATUS: dict[str, Any] = {
    "version": "1.0",
    "state": "running",
    "uptime_seconds": 61.5,
    "workers": [{"connections_active": 1, "restarts": 0}],
    "listeners": [
        {
            "name": "web",
            "bind": "0.0.0.0:80",
            "pool": "chat",
            "connections_active": 1,
            "connections_total": 2,
            "rejected_total": 0,
        }
    ],
    "pools": [
        {
            "name": "chat",
            "balance": "first",
            "panic": False,
            "discovery": {"source": "static", "synced": True, "reason": None},
            "backends": [],
        }
    ],
}


def changed(**fields: object) -> str:
    return json.dumps({**STATUS, **fields})


@pytest.mark.parametrize(
    "body",
    [
        "hello",
        "[]",
        "{}",
        "[" * 100_000,
        changed(uptime_seconds="long"),
        changed(workers=[{}]),
        changed(listeners=[None]),
        changed(pools=[{**STATUS["pools"][0], "discovery": {"source": "static", "synced": True}}]),
        changed(pools=[{**STATUS["pools"][0], "backends": [{"name": "a:1"}]}]),
    ],
)
async def test_what_is_no_status_of_tidegate_is_said_to_be_none(body: str) -> None:
    async with running_backend(answering(http_answer("200 OK", body=body))) as server:
        finished = await tidegate("status", "--url", server.name)
        assert (finished.code, finished.output) == (1, "")
        assert finished.errors == f"http://{server.name}: the answer is not a status of Tidegate\n"


async def test_nothing_that_is_shown_can_move_the_cursor_of_the_terminal() -> None:
    hostile = http_answer("200 OK", body=changed(version="1.0\x1b[2J\r"))
    async with running_backend(answering(hostile)) as server:
        finished = await tidegate("status", "--url", server.name)
        assert (finished.code, finished.errors) == (0, "")
        assert finished.output.startswith("tidegate 1.0 [2J   running  up 1m 1s")
    for answer in (b"\x1b[2J\r\n", b"HTTP/1.1 404 \x1b[2J\r\n\r\n"):
        async with running_backend(answering(answer)) as server:
            finished = await tidegate("status", "--url", server.name)
            assert finished.code == 1
            assert finished.errors.rstrip("\n").isprintable()


def test_a_status_may_have_more_than_is_shown_and_lists_may_be_empty() -> None:
    more: dict[str, Any] = deepcopy(STATUS) | {"new": 1}
    assert fits(more)
    assert fits(more | {"workers": [], "listeners": [], "pools": []})
