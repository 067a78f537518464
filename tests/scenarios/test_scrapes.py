"""Many scrapers of a proxy with many backends: they share what is read for them, and keep control from nothing."""

import asyncio
import select
import socket

import aiohttp

from tests.bench.loads import accepting_port
from tests.support.proxy import Proxy, running_proxy, total
from tests.support.waiting import until

BACKENDS = 2_000
SCRAPERS = 12
SCRAPES = 3  # of each, of metrics and of status
PIPELINED = 10  # more bytes than the kernel keeps for a reader that takes none
READ_TIMEOUT = 10.0


async def test_many_scrapers_take_no_backend_down_and_liveness_answers_while_a_page_is_read() -> None:
    names = [f"127.1.{number >> 8}.{number & 255}:1" for number in range(BACKENDS)]
    with accepting_port() as port:
        checks = {"HEALTH__PORT": port, "HEALTH__INTERVAL": "1s", "HEALTH__TIMEOUT": "1s", "HEALTH__FALL": 2}
        async with running_proxy(BACKENDS=",".join(names), **checks) as proxy, aiohttp.ClientSession() as http:  # type: ignore[arg-type]
            await until(lambda: all_are_up(proxy), seconds=30)
            with reader_that_takes_nothing(proxy) as lazy:
                await asyncio.gather(*(scrape(http, proxy, SCRAPES) for _ in range(SCRAPERS)))
                for route in ("/metrics", "/status"):
                    answers = [await answers_while_it_is_read(http, proxy, route) for _ in range(3)]
                    assert max(answers) >= 3, route
                await until(lambda: is_cut_off(lazy), seconds=2 * READ_TIMEOUT)
            samples = await proxy.samples()
            assert total(samples, "tidegate_backend_health_checks_total", result="failure") == 0
            assert total(samples, "tidegate_backend_up") == BACKENDS
            assert proxy.events("backend_down") == []
            assert await proxy.stop() == 0


async def all_are_up(proxy: Proxy) -> bool:
    return await proxy.metrics("tidegate_backend_up") == BACKENDS


async def scrape(http: aiohttp.ClientSession, proxy: Proxy, times: int) -> None:
    """Ask without a pause."""
    for _ in range(times):
        for route in ("/metrics", "/status"):
            async with http.get(proxy.admin_url + route) as response:
                assert len(await response.read()) > 100 * BACKENDS


async def answers_while_it_is_read(http: aiohttp.ClientSession, proxy: Proxy, route: str) -> int:
    """How often `/livez` answers after a page was asked for and before the first byte of it comes."""
    await asyncio.sleep(1.1)  # by then the last page is forgotten, so that one is read now
    page = asyncio.ensure_future(http.get(proxy.admin_url + route))
    answers = 0
    while not page.done():
        async with http.get(proxy.admin_url + "/livez") as response:
            assert response.status == 200
        answers += not page.done()
    (await page).release()
    return answers


def reader_that_takes_nothing(proxy: Proxy) -> socket.socket:
    """A scraper that asks and never reads."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", proxy.admin_port))
    sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * PIPELINED)
    return sock


def is_cut_off(sock: socket.socket) -> bool:
    """Whether a socket was reset by its peer."""
    poller = select.poll()
    poller.register(sock, 0)
    return bool(poller.poll(0))
