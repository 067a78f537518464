"""Socket options of client and backend connections."""

import socket

from app.link.sockets import KEEPALIVE


def test_a_silent_peer_is_noticed_within_two_minutes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        for level, option, value in KEEPALIVE:
            sock.setsockopt(level, option, value)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        idle, interval, count = (
            sock.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert count > 1
        assert idle + interval * count <= 120


def test_accepted_connections_inherit_the_options() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        for level, option, value in KEEPALIVE:
            sock.setsockopt(level, option, value)
        with socket.create_connection(sock.getsockname()), sock.accept()[0] as accepted:
            for level, option, value in KEEPALIVE:
                assert accepted.getsockopt(level, option) == value
