"""Which streams are hardly paced: those to peers on this host, where the system's default is to pace."""

import socket
from collections.abc import Iterator

import pytest

from tests.dataplane.congestion import ALLOWED, PACES_IF_ASKED, algorithm
from tidegate.dataplane.relay.pacing import DOES_NOT, PACES, is_on_this_host, pace_less


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    """One side of a connection that stays on this host."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        server.accept()[0],
    ):
        yield client


@pytest.mark.skipif(not PACES_IF_ASKED, reason="this kernel does not let us pace")
def test_a_stream_to_a_peer_on_this_host_is_not_left_to_an_algorithm_that_paces(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, PACES)
    pace_less(sock.fileno())
    assert algorithm(sock) == DOES_NOT


def test_what_does_not_pace_is_left_as_the_system_has_it(sock: socket.socket) -> None:
    other = next(name for name in ALLOWED if name != "bbr")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, other.encode())
    pace_less(sock.fileno())
    assert algorithm(sock) == other.encode()


def test_a_connection_that_has_broken_is_no_error(sock: socket.socket) -> None:
    sock.shutdown(socket.SHUT_RDWR)
    pace_less(sock.fileno())
    sock.close()
    pace_less(sock.fileno())


@pytest.mark.parametrize(
    ("peer", "own", "expected"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.2", "127.0.0.1", True),
        ("::1", "::1", True),
        ("::ffff:127.0.0.2", "::ffff:127.0.0.1", True),
        ("10.0.0.5", "10.0.0.5", True),
        ("fd00::5", "fd00::5", True),
        ("10.0.0.6", "10.0.0.5", False),
        ("12.7.0.1", "10.0.0.5", False),
        ("::1271", "fd00::5", False),
        ("fd00::6", "fd00::5", False),
    ],
)
def test_a_peer_is_on_this_host_when_its_address_says_so(peer: str, own: str, *, expected: bool) -> None:
    assert is_on_this_host(peer, own) == expected
