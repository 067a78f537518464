"""A Kubernetes API server over real HTTP, scripted after what a real one (1.36) was seen to do.

It honours label and field selectors, resource versions, bookmarks and `timeoutSeconds`, forgets old versions when told to,
and plays a fault for a request where a test has put one.
"""

import asyncio
import ssl
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import orjson
import yaml
from aiohttp import web

from tests.support.slices import Json

Fault = Callable[[web.Request], Awaitable[web.StreamResponse]]
PLURALS = {"EndpointSlice": "endpointslices", "Endpoints": "endpoints"}


@dataclass(frozen=True)
class Asked:
    """A request that has come: `list` or `watch`, of what, with which token, and with which `Impersonate-*` headers."""

    verb: str
    resource: str
    query: dict[str, str]
    token: str
    impersonate: tuple[tuple[str, str], ...] = ()
    at: float = field(default_factory=monotonic)


@dataclass(frozen=True)
class Happened:
    """One change in the history of a cluster: the object before it, and after it."""

    version: int
    plural: str
    before: Json | None
    after: Json | None


class ApiServer:
    """A cluster of EndpointSlices and Endpoints.

    `tokens` are those that it takes; None lets everybody in. Answers begin after `delay` seconds.
    """

    def __init__(self, certificate: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.tokens: set[str] | None = None
        self.faults: dict[str, deque[Fault]] = {"list": deque(), "watch": deque()}
        self.standing: dict[str, Fault] = {}
        self.delay = 0.0
        self.port = 0
        self.watchers = 0
        self._certificate = certificate
        self._objects: dict[tuple[str, str, str], Json] = {}
        self._history: list[Happened] = []
        self._version = 1000
        self._oldest = 1000
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self._cut = asyncio.Event()

    # What tests do to it

    async def put(self, item: Json) -> None:
        """Create or replace an object."""
        plural, metadata = PLURALS[item["kind"]], item["metadata"]
        key = plural, metadata["namespace"], metadata["name"]
        self._version += 1
        stored = item | {"metadata": metadata | {"resourceVersion": str(self._version)}}
        await self._change(key, stored)

    async def delete(self, item: Json) -> None:
        """Delete an object."""
        self._version += 1
        await self._change((PLURALS[item["kind"]], item["metadata"]["namespace"], item["metadata"]["name"]), None)

    def compact(self) -> None:
        """Forget the history, so that every version before now is too old."""
        self._version += 1
        self._oldest = self._version

    def requests(self, verb: str) -> list[Asked]:
        """All that came of one kind."""
        return [asked for asked in self.asked if asked.verb == verb]

    async def cut_watches(self) -> None:
        """End every open watch without a clean end."""
        cut, self._cut = self._cut, asyncio.Event()
        cut.set()
        async with self._changed:
            self._changed.notify_all()

    # Its life

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'https' if self._certificate else 'http'}://127.0.0.1:{self.port}"

    def kubeconfig(self, path: Path, *, token_file: Path | None = None, user: Json | None = None) -> str:
        """Write a kubeconfig that leads here, with this user, and return its path."""
        user = (user or {}) | ({} if token_file is None else {"tokenFile": str(token_file)})
        path.write_text(
            yaml.safe_dump(
                {
                    "clusters": [{"name": "test", "cluster": {"server": self.url}}],
                    "users": [{"name": "me", "user": user}],
                    "contexts": [{"name": "here", "context": {"cluster": "test", "user": "me"}}],
                    "current-context": "here",
                }
            )
        )
        return str(path)

    async def start(self) -> None:
        """Listen, on the same port as before."""
        application = web.Application()
        application.router.add_get("/apis/discovery.k8s.io/v1/namespaces/{namespace}/{plural}", self._answer)
        application.router.add_get("/api/v1/namespaces/{namespace}/{plural}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._certificate, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port and cut every connection."""
        await self.cut_watches()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def _history_end(self) -> int:
        return self._history[-1].version if self._history else 0

    def _since(self, version: int) -> list[Happened]:
        return self._history[bisect_right(self._history, version, key=lambda change: change.version) :]

    # Answers

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        verb = "watch" if request.query.get("watch") in ("1", "true") else "list"
        _, _, token = request.headers.get("Authorization", "").partition(" ")
        acting_as = tuple(header for header in request.headers.items() if header[0].startswith("Impersonate-"))
        self.asked.append(Asked(verb, request.match_info["plural"], dict(request.query), token, acting_as))
        if self.tokens is not None and token not in self.tokens:
            return await status(401, "Unauthorized")(request)
        await asyncio.sleep(self.delay)
        fault = self.faults[verb].popleft() if self.faults[verb] else self.standing.get(verb)
        if fault is not None:
            return await fault(request)
        return await (self._watch(request) if verb == "watch" else self._list(request))

    async def _list(self, request: web.Request) -> web.Response:
        items = [item for key, item in self._objects.items() if _is_chosen(item, key[0], request)]
        return web.json_response({"kind": "List", "metadata": {"resourceVersion": str(self._version)}, "items": items})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        version = int(request.query["resourceVersion"])
        response = await stream(request)
        if version < self._oldest:
            await send(response, "ERROR", expired())
            await response.write_eof()
            return response
        self.watchers += 1
        try:
            await self._follow(request, response, version)
        finally:
            self.watchers -= 1
        return response

    async def _follow(self, request: web.Request, response: web.StreamResponse, version: int) -> None:
        """Send what happens, then a bookmark where they are wanted, then end cleanly at `timeoutSeconds`."""
        cut = self._cut
        with suppress(TimeoutError):
            async with asyncio.timeout(float(request.query["timeoutSeconds"])):
                while not cut.is_set():
                    for happened in self._since(version):
                        version = happened.version
                        await _tell(response, happened, request)
                    async with self._changed:
                        if not cut.is_set() and self._history_end <= version:
                            await self._changed.wait()
        if cut.is_set():
            if request.transport is not None:
                request.transport.abort()
            return
        if request.query.get("allowWatchBookmarks") == "true":
            await send(response, "BOOKMARK", {"metadata": {"resourceVersion": str(self._version)}})
        await response.write_eof()

    async def _change(self, key: tuple[str, str, str], after: Json | None) -> None:
        before = self._objects.pop(key, None)
        if after is not None:
            self._objects[key] = after
        self._history.append(Happened(self._version, key[0], before, after))
        async with self._changed:
            self._changed.notify_all()


def _is_chosen(item: Json | None, plural: str, request: web.Request) -> bool:
    """Whether an object is of the type, in the namespace, and chosen by the selectors of a request."""
    if item is None or plural != request.match_info["plural"]:
        return False
    metadata = item["metadata"]
    label, _, value = request.query.get("labelSelector", "").partition("=")
    name = request.query.get("fieldSelector", "").removeprefix("metadata.name=")
    return (
        metadata["namespace"] == request.match_info["namespace"]
        and (not label or metadata.get("labels", {}).get(label) == value)
        and (not name or metadata["name"] == name)
    )


async def _tell(response: web.StreamResponse, happened: Happened, request: web.Request) -> None:
    """The event that a change is for this watch: an object that is chosen no more has gone for it."""
    before = _is_chosen(happened.before, happened.plural, request)
    after = _is_chosen(happened.after, happened.plural, request)
    if after:
        await send(response, "MODIFIED" if before else "ADDED", happened.after or {})
    elif before:
        gone = happened.before or {}
        metadata = gone["metadata"] | {"resourceVersion": str(happened.version)}
        await send(response, "DELETED", gone | {"metadata": metadata})


# Faults


def status(code: int, message: str = "", **headers: str) -> Fault:
    """A Status object with this HTTP status."""

    async def answer(_request: web.Request) -> web.Response:
        body = {"kind": "Status", "status": "Failure", "message": message, "code": code}
        return web.json_response(body, status=code, headers=headers)

    return answer


def plain(code: int, text: str) -> Fault:
    """An answer of a server or proxy that speaks no Kubernetes."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=code, text=text)

    return answer


async def hang(_request: web.Request) -> web.StreamResponse:
    """No answer."""
    await asyncio.sleep(3600)
    raise AssertionError


def sending(*parts: bytes, then: str = "end", between: float = 0.0) -> Fault:
    """A watch that sends these bytes, and then ends cleanly (`end`), is cut (`cut`) or says nothing more (`silence`).

    `between` is the pause in seconds after each part.
    """

    async def answer(request: web.Request) -> web.StreamResponse:
        response = await stream(request)
        for part in parts:
            await response.write(part)
            await asyncio.sleep(between)
        if then == "silence":
            await asyncio.sleep(3600)
        if then == "cut":
            assert request.transport is not None
            await asyncio.sleep(0.05)  # or the kernel would drop what has not been read
            request.transport.abort()
        else:
            await response.write_eof()
        return response

    return answer


def redirect(url: str) -> Fault:
    """Another place to go to."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": url})

    return answer


def raw(body: bytes) -> Fault:
    """Status 200 with any body."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    return answer


def expired() -> Json:
    """The Status object of an `ERROR` event when a version is too old."""
    return {"kind": "Status", "status": "Failure", "reason": "Expired", "message": "too old resource version", "code": 410}


def line(kind: str, item: object) -> bytes:
    """One event of a watch."""
    return orjson.dumps({"type": kind, "object": item}) + b"\n"


async def stream(request: web.Request) -> web.StreamResponse:
    """The head of a chunked answer."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    return response


async def send(response: web.StreamResponse, kind: str, item: object) -> None:
    """Send one event."""
    with suppress(ConnectionError):
        await response.write(line(kind, item))


@asynccontextmanager
async def running_api_server(certificate: ssl.SSLContext | None = None) -> AsyncIterator[ApiServer]:
    """A cluster without objects."""
    server = ApiServer(certificate)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
