"""What the benchmark makes of connections that begin with a PROXY header, and that they do."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from shutil import which

import pytest

from tests.bench.loads import short_connections
from tests.bench.prefaces import COST, HEADERS, Slice, compared
from tests.support.missing import skip_or_fail

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"


def test_a_header_is_compared_with_the_connections_without_one_of_the_same_time() -> None:
    numbers = compared(
        {
            "no header": [Slice(100, 1.0), Slice(100, 2.0), Slice(100, 4.0)],  # others had more and more to do
            "v1": [Slice(100, 1.1), Slice(100, 2.2), Slice(100, 4.4)],
            "v2": [Slice(50, 0.6), Slice(100, 2.4), Slice(100, 9.0)],
        }
    )
    assert numbers == pytest.approx(
        {
            f"{COST}, no header": 0.02,
            f"{COST}, v1": 0.022,
            f"{COST}, v2": 0.024,
            f"{COST}, v1, times no header": 1.1,
            f"{COST}, v2, times no header": 1.2,
        }
    )


@pytest.mark.parametrize("kind", HEADERS)
def test_each_connection_begins_with_its_header(kind: str) -> None:
    if which("wrk") is None:
        skip_or_fail("wrk is not installed")
    firsts: list[bytes] = []

    def serve() -> None:
        with suppress(OSError):  # the server is shut down
            while True:
                with server.accept()[0] as client:
                    firsts.append(client.recv(4096))
                    with suppress(OSError):  # wrk has gone
                        client.sendall(ANSWER)

    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as threads:
        serving = threads.submit(serve)
        seen = short_connections(server.getsockname()[1], 1, 1, HEADERS[kind])
        server.shutdown(socket.SHUT_RDWR)
        serving.result()
    whole = [first for first in firsts if first]  # wrk also looks whether somebody listens
    assert len(whole) >= seen.requests > 0
    assert {first.partition(b"GET / HTTP/1.1\r\n")[0] for first in whole} == {HEADERS[kind]}
