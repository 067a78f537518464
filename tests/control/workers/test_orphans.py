"""Ended children that nobody waits for, as they come to the first process of a container."""

import os
import subprocess
from pathlib import Path

from tests.support.waiting import until
from tidegate.control.workers.orphans import Orphans


def state(pid: int) -> str:
    """A letter, or nothing for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return ""


def start() -> int:
    """A process that ends at once."""
    return os.posix_spawn("/bin/true", ["true"], os.environ)


async def test_a_child_that_nobody_waits_for_is_let_go_at_the_second_call_so_that_the_loop_can_have_its_own() -> None:
    orphans = Orphans()
    child = start()
    await until(lambda: state(child) == "Z")
    orphans.reap()
    assert state(child) == "Z"
    orphans.reap()
    assert state(child) == ""


def test_children_that_run_are_left_alone_and_none_are_no_error() -> None:
    orphans = Orphans()
    with subprocess.Popen(["sleep", "30"]) as child:
        orphans.reap()
        orphans.reap()
        assert child.poll() is None
        child.kill()
        assert child.wait() == -9
    orphans.reap()
