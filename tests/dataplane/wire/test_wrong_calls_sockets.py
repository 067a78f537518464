"""Wrong calls of what the wire does with sockets: each says so, and none reads or writes what is not its own."""

import errno
import fcntl
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.dataplane.wire.bench import BEYOND, HUGE, Bench, Handler
from tests.support.descriptors import open_descriptors

NO_NUMBERS: list[Any] = [None, "1", [], BEYOND, -BEYOND]
WRONG = (TypeError, ValueError, OverflowError, AttributeError, OSError)


def closed_descriptor() -> int:
    """A number that no descriptor has now."""
    descriptor = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 900)
    os.close(descriptor)
    return descriptor


@pytest.mark.parametrize(
    ("host", "port"),
    [
        (None, 1), (b"127.0.0.1", 1), (5, 1), ("", 1), ("localhost", 1), ("127.0.0.1\0", 1), ("fe80::1%lo\0x", 1),
        ("\ud800", 1), ("fe80::1%", 1), ("unix:", 0), ("unix:/" + "a" * 107, 0), ("unix:/a\0b", 0), ("unix:/\ud800", 0),
         ("127.0.0.1%lo", 1), ("1" * 100_000, 1), ("::" + "%" * 1000 + "\udfff", 1),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(wire: Any, host: Any, port: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        wire.Target(host, port)


@pytest.mark.parametrize("port", [-1, 65536, HUGE, BEYOND, -BEYOND, None, "1"])
def test_what_is_no_port_is_refused_at_the_latest_when_it_is_dialled(bench: Bench, wire: Any, port: Any) -> None:
    with pytest.raises((TypeError, OverflowError)):
        bench.loop.dial(wire.Target("127.0.0.1", port), (), Handler())


def test_an_interface_with_a_long_name_is_not_there(bench: Bench, wire: Any) -> None:
    dialled = bench.loop.dial(wire.Target("fe80::1%" + "a" * 100_000, 1), (), Handler())
    assert dialled == -errno.ENETUNREACH


@pytest.mark.parametrize(
    "options",
    [
        None, 5, [None], [()], [(1, 2)], [(1, 2, 3, 4)], [("a", 1, 1)], [(BEYOND, 1, 1)], [(HUGE, HUGE, HUGE)],
        [(6, -1, -1)],
    ],
)  # fmt: skip
def test_wrong_options_are_refused_and_no_descriptor_stays_open(bench: Bench, wire: Any, options: Any) -> None:
    before = open_descriptors()
    with pytest.raises((TypeError, ValueError, OverflowError, OSError)):
        bench.loop.dial(wire.Target("127.0.0.1", 1), options, Handler())
    assert open_descriptors() <= before


def test_calls_on_no_socket_answer_an_error_number_or_raise(wire: Any) -> None:
    closed = closed_descriptor()
    reading, writing = os.pipe()
    for descriptor, error in ((closed, errno.EBADF), (-1, errno.EBADF), (HUGE, errno.EBADF), (reading, errno.ENOTSOCK)):
        assert wire.accept(descriptor) == -error
        assert wire.peek(descriptor) == -error
        assert wire.receive(descriptor, 1, True) == -error
        assert wire.send(descriptor, b"x") in {-error, -errno.EBADF}
        with pytest.raises(OSError, match=os.strerror(error)):
            wire.set_option(descriptor, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for descriptor in (reading, writing):
        os.close(descriptor)
    for number in NO_NUMBERS:
        for call in (wire.accept, wire.peek, lambda one: wire.send(one, b""), lambda one: wire.set_option(one, 1, 1, 1)):
            with suppress(*WRONG):
                assert call(number) < 0
    for most in (0, -1, -HUGE):
        with pytest.raises(ValueError, match="at least a byte"):
            wire.receive(reading, most, False)
    for data in (None, "x", 1, ["x"]):
        with pytest.raises(TypeError):
            wire.send(0, data)


def test_a_client_at_a_unix_socket_has_a_word_for_its_address_even_if_it_is_bound_to_a_path(
    wire: Any, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "server"))
        listening.listen()
        for bound in (False, True):
            with socket.socket(socket.AF_UNIX) as client:
                if bound:
                    client.bind(str(tmp_path / "client"))
                client.connect(listening.getsockname())
                descriptor, *peer = wire.accept(listening.fileno())
                assert peer == ["unix:", 0]
                assert not os.get_blocking(descriptor)
                os.close(descriptor)


def test_a_dial_of_a_unix_socket_connects_or_tells_why_not(bench: Bench, wire: Any, tmp_path: Path) -> None:
    path = tmp_path / ("a" * (106 - len(str(tmp_path))))  # the longest that there can be
    assert bench.loop.dial(wire.Target(f"unix:{path}", 0), (), Handler()) == -errno.ENOENT
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        assert bench.loop.dial(wire.Target(f"unix:{path}", 0), (), Handler()) == -errno.ECONNREFUSED
        listening.listen(0)
        options = [(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 1), (socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)]
        dialled = bench.loop.dial(wire.Target(f"unix:{path}", 0), options, Handler())
        assert dialled >= 0
        assert bench.loop.dial(wire.Target(f"unix:{path}", 0), (), Handler()) == -errno.EAGAIN
        with socket.socket(fileno=os.dup(dialled)) as sock:
            assert sock.getpeername() == str(path)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * 4096
        bench.loop.close(dialled)
