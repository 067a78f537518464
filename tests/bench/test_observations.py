"""What the benchmark sees of the proxies while they run, and where it puts them."""

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import which

import pytest

from tests.bench.contenders.haproxy import by_thread
from tests.bench.contenders.log_socket import drained
from tests.bench.contenders.target import Target
from tests.bench.network import SYSTEM, congestion_control, own_network
from tests.bench.placement import Placement
from tests.dataplane.congestion import algorithm
from tests.support.missing import skip_or_fail
from tests.support.ports import free_port

TWO_THREADS = """\
thread_id: 2 (1..2)
accepted: 10 [ 7 3 ]
accq_pushed: 10 [ 6 4 ]
accq_full: 0 [ 0 0 ]
"""
ONE_THREAD = """\
thread_id: 1 (1..1)
accepted: 10
accq_pushed: 0
"""


@pytest.mark.parametrize(
    ("cores", "load", "workers"),
    [
        ([0], {0}, [{0}, {0}]),
        ([0, 1], {0}, [{1}, {1}]),
        ([0, 1, 2], {0, 1}, [{2}, {2}]),
        ([0, 1, 2, 3], {0, 1}, [{2}, {3}]),
        ([4, 5, 6, 7, 9], {4, 5, 6}, [{7}, {9}]),
    ],
)
def test_workers_have_cores_of_their_own_where_two_stay_free_for_the_load(
    cores: list[int], load: set[int], workers: list[set[int]]
) -> None:
    placement = Placement.over(cores)
    assert placement == Placement(frozenset(load), tuple(map(frozenset, workers)))


def test_what_a_load_starts_runs_on_its_cores_and_what_follows_on_all() -> None:
    before = os.sched_getaffinity(0)
    with Placement.over(sorted(before)).of_the_load():
        assert os.sched_getaffinity(0) == Placement.over(sorted(before)).load
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(("activity", "given"), [(TWO_THREADS, [6, 4]), (ONE_THREAD, [0])])
def test_haproxys_connections_are_those_that_its_threads_were_given(activity: str, given: list[int]) -> None:
    assert by_thread(activity, "accq_pushed") == given


def test_connections_of_clients_are_counted_by_the_process_that_has_them() -> None:
    if which("ss") is None:
        skip_or_fail("ss is not installed")
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as server:
        target = Target(port, os.getpid())
        assert target.connections_by_worker() == []
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        accepted = [server.accept()[0] for _ in clients]
        assert target.connections_by_worker() == [3]
        for sock in (*clients, *accepted):
            sock.close()


def test_all_connections_have_the_congestion_control_of_the_work_and_later_the_systems_again() -> None:
    def story() -> list[bytes] | None:
        if not own_network():
            return None
        with socket.create_server(("127.0.0.1", 0)) as server:
            seen = []
            for name in ("reno", SYSTEM):
                with congestion_control(name), socket.create_connection(server.getsockname()) as client:
                    accepted, _ = server.accept()
                    with accepted:
                        seen += [algorithm(client), algorithm(accepted)]
        return seen

    with ThreadPoolExecutor(1) as threads:  # the network is that of a thread
        seen = threads.submit(story).result()
    if seen is None:
        skip_or_fail("no network of its own")
    assert seen == [b"reno", b"reno", SYSTEM.encode(), SYSTEM.encode()]


def test_a_log_socket_takes_more_lines_than_fit_into_it(tmp_path: Path) -> None:
    with drained(tmp_path) as path, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(str(path))
        sock.settimeout(10)
        for _ in range(5 * int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())):
            sock.send(b"a line")
