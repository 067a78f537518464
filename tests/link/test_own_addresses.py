"""Which connections could meet themselves: those to an own address and a port of outgoing connections."""

import socket

from tidegate.link.own_addresses import ephemeral_ports, may_meet_itself, source_address

ONE, *_, LAST = ephemeral_ports()


def test_the_ports_are_those_that_the_system_gives_to_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getsockname()[1] in ephemeral_ports()


def test_a_connection_may_meet_itself_at_the_address_that_it_would_come_from_and_at_a_port_that_it_could_get() -> None:
    found = {
        (host, port): may_meet_itself(host, port)
        for host in ("127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1", "127.0.0.2", "192.0.2.1", "::1", "::")
        for port in (ONE, LAST, ONE - 1)
    }
    meets = {address for address, may in found.items() if may}
    assert meets == {
        (host, port) for host in ("127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1", "::1", "::") for port in (ONE, LAST)
    }


def test_the_source_of_a_connection_is_known_without_one_and_missing_where_there_is_none() -> None:
    assert source_address("127.0.0.2") == "127.0.0.1"
    assert source_address("::1") == "::1"
    assert source_address("fe80::1") is None, "a link-local address needs an interface"
