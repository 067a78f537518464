"""What people see in a browser: a page through the proxy, the status page while a process dies, and the demo."""

import asyncio
import fcntl
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from tempfile import gettempdir

import aiohttp
import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browser import browser
from tests.support.node_peers import SocketIoServer, socketio_server
from tests.support.ports import free_port
from tests.support.proxy import Proxy, environment, running_proxy
from tests.support.waiting import until

NAMES = ("one", "two", "three", "four")
FACES = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
}
NO_ANSWER_FROM_OUTSIDE = 20_000  # milliseconds, for a browser on a busy machine


class Watched:
    """A page, what it complained about, and where it sent requests to."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requested: set[str] = set()
        page.set_default_timeout(NO_ANSWER_FROM_OUTSIDE)
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requested.add(request.url))

    def origins(self) -> set[str]:
        """Scheme, host and port of everything that was asked for."""
        return {"/".join(url.split("/")[:3]) for url in self.requested if not url.startswith("data:")}


@asynccontextmanager
async def watched_page(chromium: Browser, **face: object) -> AsyncIterator[Watched]:
    """A page of its own context, closed at the end."""
    context = await chromium.new_context(**face)  # type: ignore[arg-type]
    try:
        yield Watched(await context.new_page())
    finally:
        await context.close()


async def test_people_see_through_the_proxy_and_watch_a_process_die(tmp_path: Path) -> None:
    expect.set_options(timeout=NO_ANSWER_FROM_OUTSIDE)
    async with (
        AsyncExitStack() as stack,
        browser() as chromium,
    ):
        cluster = await asyncio.gather(*(stack.enter_async_context(socketio_server(name)) for name in NAMES))
        proxy = await stack.enter_async_context(
            running_proxy(
                BACKENDS=",".join(server.address for server in cluster),
                BALANCE="source_hash",
                HEALTH__TYPE="socketio",
                HEALTH__INTERVAL="300ms",
                HEALTH__TIMEOUT="300ms",
                HEALTH__FALL=3,
            )
        )
        await the_servers_page_connects(chromium, proxy, "websocket")
        await the_servers_page_connects(chromium, proxy, "polling")
        await the_servers_page_connects(chromium, proxy, None)
        await the_status_page_shows_the_outage(chromium, proxy, cluster[2], tmp_path)


async def the_servers_page_connects(chromium: Browser, proxy: Proxy, transport: str | None) -> None:
    async with watched_page(chromium) as watched:
        await watched.page.goto(proxy.url + (f"/?transport={transport}" if transport else "/"))
        await expect(watched.page.locator("#connection")).to_have_text("connected")
        await expect(watched.page.locator("#backend")).to_have_text(re.compile("|".join(NAMES)))
        # Without a choice the client begins with long-polling and upgrades.
        await expect(watched.page.locator("#transport")).to_have_text(transport or "websocket")
        assert watched.complaints == []


async def the_status_page_shows_the_outage(chromium: Browser, proxy: Proxy, victim: SocketIoServer, folder: Path) -> None:
    async with AsyncExitStack() as stack:
        pages = {name: await stack.enter_async_context(watched_page(chromium, **face)) for name, face in FACES.items()}
        for watched in pages.values():
            await watched.page.goto(proxy.admin_url)
            await expect(watched.page.locator("tr[data-backend][data-state=up]")).to_have_count(4)
            await expect(watched.page.locator("#backends-up")).to_have_text("4 of 4")
        await keep_pictures(pages, folder, "up")
        before = await row_colour(pages["light"].page, victim.address)

        await victim.kill()
        for watched in pages.values():
            row = watched.page.locator(f'tr[data-backend="{victim.address}"]')
            await expect(row).to_have_attribute("data-state", "down")
            await expect(row.locator(".badge")).to_have_text("down")
            await expect(row).to_contain_text("connection refused")
            await expect(watched.page.locator("tr[data-backend][data-state=up] .badge")).to_have_text(["up"] * 3)
            await expect(watched.page.locator("#backends-up")).to_have_text("3 of 4")
        await until(lambda: colour_has_changed(pages["light"].page, victim.address, before))
        await keep_pictures(pages, folder, "down")
        for watched in pages.values():
            assert watched.complaints == []
            assert watched.origins() == {proxy.admin_url}
        assert await fits(pages["phone"].page)


async def keep_pictures(pages: dict[str, Watched], folder: Path, when: str) -> None:
    for name, watched in pages.items():
        picture = await watched.page.screenshot(path=folder / f"{name}-{when}.png", full_page=True)
        assert picture.startswith(b"\x89PNG")


async def row_colour(page: Page, backend: str) -> str:
    colour = await page.locator(f'tr[data-backend="{backend}"] .badge').evaluate("node => getComputedStyle(node).color")
    return str(colour)


async def colour_has_changed(page: Page, backend: str, before: str) -> bool:
    return await row_colour(page, backend) != before


async def fits(page: Page) -> bool:
    """Whether nothing is wider than the window."""
    return bool(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


async def test_the_status_page_says_when_the_proxy_is_gone_and_when_it_drains() -> None:
    expect.set_options(timeout=NO_ANSWER_FROM_OUTSIDE)
    async with (
        browser() as chromium,
        socketio_server("one") as server,
        running_proxy(BACKENDS=server.address, DRAIN__DELAY="2s") as proxy,
        watched_page(chromium) as watched,
    ):
        await watched.page.goto(proxy.admin_url)
        await expect(watched.page.locator("#proxy-state")).to_have_text("running")
        proxy.signal(signal.SIGTERM)
        await expect(watched.page.locator("#proxy-state")).to_have_text("draining")
        assert await proxy.exit_code() == 0
        await expect(watched.page.locator("#banner")).to_be_visible()
        await expect(watched.page.locator("#banner")).to_contain_text("No answer since")


async def test_the_status_page_says_why_the_source_of_backends_knows_none() -> None:
    nobody = f"127.0.0.1:{free_port()}"
    async with (
        running_proxy(wait=False, DNS__NAME="chat.", DNS__PORT=1, DNS__RESOLVER=nobody, DNS__TIMEOUT="1s") as proxy,
        browser() as chromium,
        watched_page(chromium) as watched,
    ):
        await proxy.event("discovery_failed")
        await watched.page.goto(proxy.admin_url)
        await expect(watched.page.get_by_text("not synced")).to_be_visible()
        await expect(watched.page.get_by_text("discovery dns · no answer in 1s")).to_be_visible()
        assert watched.complaints == []


@pytest.fixture
def alone() -> Iterator[None]:
    """No test in another process runs a demo meanwhile: all take the same ports, or those that were free a moment ago."""
    with Path(gettempdir(), "tidegate-demo.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.mark.usefixtures("alone")
async def test_the_demo_connects_a_page_lives_through_an_outage_and_ends_with_everything_it_started() -> None:
    expect.set_options(timeout=NO_ANSWER_FROM_OUTSIDE)
    async with taken_ports(8000, 9000), browser() as chromium, running_demo("--outage-every", "1") as demo:
        port, status_port = await demo.replacement_for(8000), await demo.replacement_for(9000)
        page_url, status_url = f"http://127.0.0.1:{port}/", f"http://127.0.0.1:{status_port}/"
        await demo.says(rf"page to connect with +{re.escape(page_url)}")
        await demo.says(rf"status page +{re.escape(status_url)}")
        await demo.says("backend_up")
        async with watched_page(chromium) as watched, watched_page(chromium) as status:
            await watched.page.goto(page_url)
            await expect(watched.page.locator("#connection")).to_have_text("connected")
            await expect(watched.page.locator("#backend")).to_have_text(re.compile(r"127\.0\.0\.1:\d+"))
            await watched.page.fill("#text", "hello through the proxy")
            await watched.page.click("#say button")
            await expect(watched.page.locator("#echo")).to_contain_text("hello through the proxy")
            assert watched.complaints == []

            await status.page.goto(status_url)
            await demo.says(r"taking 127\.0\.0\.1:\d+ down")
            await expect(status.page.locator("tr[data-backend][data-state=down]")).to_have_count(1)
            assert status.complaints == []
        family = await demo.family(status_url)
        demo.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            assert await demo.process.wait() == 0
        await until(lambda: not any(map(lives, family)))


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
async def test_an_interrupt_or_a_closed_terminal_ends_the_demo_too(number: signal.Signals) -> None:
    async with running_demo() as demo:
        family = await demo.family(await demo.status_url())
        demo.process.send_signal(number)
        async with asyncio.timeout(15):
            assert await demo.process.wait() == 0
        await until(lambda: not any(map(lives, family)))


class Demo:
    """A running `tidegate demo`."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.output = ""

    async def says(self, pattern: str) -> re.Match[str]:
        """Wait until the output has something like this."""
        found = await until(lambda: re.search(pattern, self.output), seconds=20)
        assert found is not None
        return found

    async def replacement_for(self, port: int) -> int:
        """The port that it uses instead of one that is taken."""
        return int((await self.says(rf"port {port} is taken: using (\d+) instead"))[1])

    async def status_url(self) -> str:
        """Where its status page is."""
        return (await self.says(r"status page +(\S+)"))[1]

    async def family(self, status_url: str) -> list[int]:
        """Itself, its proxy and the workers, once they run."""

        async def running() -> list[int]:
            async with aiohttp.ClientSession() as http:
                try:
                    async with http.get(f"{status_url}status") as response:
                        status = await response.json()
                except aiohttp.ClientError:
                    return []
            if status["state"] != "running":
                return []
            workers = [worker["pid"] for worker in status["workers"] if worker["pid"]]
            return [self.process.pid, *map(parent, workers), *workers]

        return await until(running)

    async def follow(self) -> None:
        """Take in what it prints."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.output += line.decode()


@asynccontextmanager
async def running_demo(*arguments: str) -> AsyncIterator[Demo]:
    """`tidegate demo`, killed with all it started at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tidegate", "demo", *arguments, env=environment({}) | {"COLUMNS": "160"}, stdout=PIPE,
        start_new_session=True,
    )  # fmt: skip
    demo = Demo(process)
    follower = asyncio.ensure_future(demo.follow())
    try:
        yield demo
    finally:
        kill_session(process.pid)
        await process.wait()
        await follower


def kill_session(leader: int) -> None:
    """Kill every process of a session, whichever group it is in."""
    for pid in processes():
        with suppress(ProcessLookupError):
            if os.getsid(pid) == leader:
                os.kill(pid, signal.SIGKILL)


def processes() -> Iterable[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])


def lives(pid: int) -> bool:
    """Whether a process runs, and is not only waiting for its parent to notice its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@asynccontextmanager
async def taken_ports(*ports: int) -> AsyncIterator[None]:
    """These ports are taken, by this test or by somebody else already."""
    servers = []
    for port in ports:
        with suppress(OSError):
            servers.append(await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", port))
    try:
        yield
    finally:
        for server in servers:
            server.close()
