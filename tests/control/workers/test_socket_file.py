"""The files of Unix sockets."""

import asyncio
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from errno import errorcode
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

from tests.support.options import LISTENER
from tests.support.unix_peers import connect_unix, is_bound, listening_unix
from tidegate.control.workers.listening_sockets import BoundListener, CannotBindError, bind_listener
from tidegate.control.workers.socket_file import SocketFile
from tidegate.core.address import Address
from tidegate.core.bind import Bind

WORKERS = 2


@contextmanager
def bound(path: Path, mode: int = 0o600) -> Iterator[BoundListener]:
    listener = bind_listener("default", "chat", 0, LISTENER, [Bind(Address(f"unix:{path}", 0), mode)], WORKERS)
    try:
        yield listener
    finally:
        listener.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tidegate.sock"


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o777])
def test_the_file_has_its_permissions_whatever_the_mask_and_is_removed_at_the_end(path: Path, mode: int) -> None:
    before = os.umask(0o027)
    try:
        with bound(path, mode):
            assert is_bound(path)
            assert path.stat().st_mode & 0o777 == mode
        assert not path.exists()
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)


async def test_all_workers_accept_at_the_same_socket(path: Path) -> None:
    with bound(path) as listener:
        for (sock,) in listener.sockets:
            with await connect_unix(path):
                accepted, _ = await asyncio.get_running_loop().sock_accept(sock)
                accepted.close()
        assert [listener.sockets_to_share(worker) for worker in range(WORKERS)] == [[], []]


def test_a_socket_that_was_left_behind_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
        left.listen()
    with bound(path):
        assert is_bound(path)


def test_a_socket_where_a_process_listens_is_left_alone(path: Path) -> None:
    with listening_unix(path) as other:
        with pytest.raises(CannotBindError) as caught, bound(path):
            pass
        assert str(caught.value) == f"listener default: cannot listen on unix:{path}: Address already in use"
        assert is_bound(path)
        assert not other.waiting  # and nobody notices that it was asked whether it lives


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
def test_a_socket_of_a_process_that_does_not_listen_yet_or_never_does_is_left_alone(path: Path, kind: int) -> None:
    with socket.socket(socket.AF_UNIX, kind) as other:
        other.bind(str(path))
        with pytest.raises(CannotBindError, match="Address already in use"), bound(path):
            pass
        assert is_bound(path)


def test_a_file_that_is_no_socket_is_left_alone(path: Path) -> None:
    path.write_text("precious")
    with (
        pytest.raises(CannotBindError, match=r"cannot listen on unix:.*: there is a file that is not a socket"),
        bound(path),
    ):
        pass
    assert path.read_text() == "precious"


def test_a_link_to_a_socket_that_was_left_behind_is_left_alone(path: Path) -> None:
    elsewhere = path.with_name("elsewhere")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(elsewhere))
    path.symlink_to(elsewhere)
    with pytest.raises(CannotBindError, match="not a socket"), bound(path):
        pass
    assert path.is_symlink()
    assert is_bound(elsewhere)


def test_a_folder_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(CannotBindError, match=r"cannot listen on unix:.*/gone/a: No such file or directory"):
        bind_listener("default", "chat", 0, LISTENER, [Bind(Address(f"unix:{path.parent}/gone/a", 0))], WORKERS)


def test_what_another_process_has_put_there_since_is_not_removed(path: Path) -> None:
    with bound(path):
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
    assert is_bound(path)


def test_the_file_of_the_first_address_is_gone_when_the_second_cannot_be_bound(path: Path) -> None:
    with listening_unix(path.with_name("taken")):
        addresses = [Bind(Address(f"unix:{path.with_name(name)}", 0)) for name in (path.name, "taken")]
        with pytest.raises(CannotBindError, match="already in use"):
            bind_listener("default", "chat", 0, LISTENER, addresses, WORKERS)
    assert not is_bound(path)


def test_a_process_that_starts_at_the_same_place_at_the_same_time_waits_for_its_turn(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with ThreadPoolExecutor() as starters:

        def start(_: int) -> str:
            sock = socket.socket(socket.AF_UNIX)
            try:
                SocketFile.listen(sock, str(path), 0o600, 1)
            except OSError as error:
                sock.close()
                return errorcode[error.errno or 0]
            kept.append(sock)
            return "listens"

        kept: list[socket.socket] = []
        outcomes = sorted(starters.map(start, range(20)))
        for sock in kept:
            sock.close()
    assert outcomes == ["EADDRINUSE"] * 19 + ["listens"]


def test_a_folder_that_somebody_keeps_locked_is_told(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        flock(descriptor, LOCK_EX)
        with pytest.raises(CannotBindError, match="temporarily unavailable"), bound(path):
            pass
    finally:
        os.close(descriptor)
    assert not path.exists()
