"""Socket options of client and backend connections."""

import socket
from dataclasses import replace

import pytest

from tests.support.options import CONNECTION
from tidegate.link.sockets import END, SESSION_OPTIONS, alive_options, buffer_options

ALIVE = alive_options(CONNECTION)
BUFFERS = replace(CONNECTION, receive_buffer=65536, send_buffer=32768, notsent_lowat=16384)


def test_a_silent_peer_is_noticed_within_two_minutes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        for level, option, value in ALIVE:
            sock.setsockopt(level, option, value)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        idle, interval, count = (
            sock.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert count > 1
        assert idle + interval * count <= 120
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 120_000


def test_accepted_connections_inherit_the_options() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        for level, option, value in (*SESSION_OPTIONS, *ALIVE):
            sock.setsockopt(level, option, value)
        with socket.create_connection(sock.getsockname()), sock.accept()[0] as accepted:
            for level, option, value in (*SESSION_OPTIONS, *ALIVE):
                size = len(value) if isinstance(value, bytes) else 0
                assert accepted.getsockopt(level, option, *([size] if size else [])) == value


def test_an_accepted_connection_keeps_urgent_data_in_the_stream() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        for level, option, value in SESSION_OPTIONS:
            sock.setsockopt(level, option, value)
        with socket.create_connection(sock.getsockname()) as client, sock.accept()[0] as accepted:
            client.send(b"!", socket.MSG_OOB)
            assert accepted.recv(2) == b"!"


def test_a_connection_that_is_dropped_without_a_word_ends_as_a_reset() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        for level, option, value in SESSION_OPTIONS:
            sock.setsockopt(level, option, value)
        with socket.create_connection(sock.getsockname()) as client:
            sock.accept()[0].close()
            with pytest.raises(ConnectionResetError):
                client.recv(1)


def test_a_connection_that_may_close_in_order_does() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        for level, option, value in SESSION_OPTIONS:
            sock.setsockopt(level, option, value)
        with socket.create_connection(sock.getsockname()) as client:
            accepted = sock.accept()[0]
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, END)
            accepted.close()
            assert client.recv(1) == b""


def test_accepted_connections_inherit_the_sizes_of_buffers_that_are_given() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        for level, option, value in buffer_options(BUFFERS):
            sock.setsockopt(level, option, value)
        with socket.create_connection(sock.getsockname()), sock.accept()[0] as accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 2 * 65536  # what Linux makes of it
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * 32768
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 16384


def test_no_option_is_set_for_a_buffer_that_is_left_to_the_kernel() -> None:
    assert buffer_options(CONNECTION) == []
