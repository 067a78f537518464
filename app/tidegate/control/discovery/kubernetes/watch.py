"""Lists the objects of one Service and watches them forever, like client-go's Reflector.

Source: k8s.io/client-go/tools/cache/reflector.go.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import aiohttp

from tidegate.control.discovery.kubernetes.cluster import Cluster, Request
from tidegate.control.discovery.kubernetes.stream import Event, events, version_of, whole_list
from tidegate.control.discovery.kubernetes.trouble import ENDS, ClusterError
from tidegate.core.backoff import Backoff
from tidegate.core.discovery.watching import Course, End
from tidegate.settings.words import KubernetesApi, ServiceName

BACKOFF = Backoff(first=0.8, longest=30.0, healthy_after=10.0)


@dataclass(frozen=True)
class WatchPace:
    """The times of a watch, in seconds.

    A watch lasts a random time between `shortest_watch` and `longest_watch`, so that watches do not all end together; we
    wait for its end `lateness` longer. It ends after `silence` without an event or the bookmark that the server sends every
    minute. An answer must begin within `watch_answer` or `list_answer`, and a list must end within `list_timeout`. After a
    watch shorter than `too_short`, and after an error, `backoff` says how long to pause. `between` draws a random time.
    """

    shortest_watch: float = 300.0
    longest_watch: float = 600.0
    lateness: float = 30.0
    silence: float = 90.0
    watch_answer: float = 15.0
    list_answer: float = 30.0
    list_timeout: float = 60.0
    too_short: float = 1.0
    backoff: Backoff = BACKOFF
    between: Callable[[float, float], float] = random.uniform


@dataclass(frozen=True)
class Objects:
    """The objects to watch: EndpointSlices or Endpoints of one Service."""

    resource: str
    kind: str
    collection: str
    service: ServiceName
    selector: tuple[str, str]

    @staticmethod
    def of(service: ServiceName, api: KubernetesApi) -> "Objects":
        """The objects of a Service."""
        namespace, name = service.namespace, service.name
        if api is KubernetesApi.ENDPOINTS:
            collection = f"/api/v1/namespaces/{namespace}/endpoints"
            return Objects("endpoints", "Endpoints", collection, service, ("fieldSelector", f"metadata.name={name}"))
        collection = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        selector = ("labelSelector", f"kubernetes.io/service-name={name}")
        return Objects("endpointslices.discovery.k8s.io", "EndpointSlices", collection, service, selector)

    @property
    def absence(self) -> str:
        """The message when there are none. A Service of type ExternalName never has any."""
        return f"no {self.kind} for {self.service}: is it there, and not of type ExternalName?"

    def list(self) -> Request:
        """The request for a list of all objects."""
        return Request(self.collection, dict([self.selector]), self._what("list"))

    def watch(self, version: str, seconds: int) -> Request:
        """The request for a watch of all changes after a version, for so many seconds."""
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
            **dict([self.selector]),
        }
        return Request(self.collection, query, self._what("watch"))

    def _what(self, verb: str) -> str:
        return f"{verb} {self.resource} in the namespace {self.service.namespace}"


@dataclass(frozen=True)
class WatchCallbacks:
    """The callbacks of a watch: `listed` with all objects, `happened` with each event, `watching` when a watch is open, and
    `failed` with an error."""

    listed: Callable[[list[object]], None]
    happened: Callable[[Event], None]
    watching: Callable[[], None]
    failed: Callable[[ClusterError], None]


class Watch:
    """The list and watch loop of one Service. It never ends. It pauses after errors, except before the first new list after
    an expired version."""

    def __init__(self, cluster: Cluster, objects: Objects, callbacks: WatchCallbacks, pace: WatchPace) -> None:
        self._cluster, self._objects, self._callbacks, self._pace = cluster, objects, callbacks, pace
        self._version = ""
        self._course = Course(pace.backoff)

    async def run(self) -> None:
        """List and watch forever."""
        while True:
            started, trouble = monotonic(), None
            try:
                if not self._version:
                    await self._list()
                end = await self._watch()
            except ClusterError as error:
                trouble, end = error, error.end
            self._course, then = self._course.after(end, monotonic() - started)
            if then.lists:
                self._version = ""
            if trouble is not None and then.pause is not None:
                self._callbacks.failed(trouble)
                await asyncio.sleep(max(trouble.retry_after, self._pace.between(0.0, then.pause)))

    async def _list(self) -> None:
        pace = self._pace
        request = self._objects.list()
        async with self._cluster.get(request, answer_timeout=pace.list_answer, timeout=pace.list_timeout) as response:
            items, version = await whole_list(response)
        self._callbacks.listed(items)
        self._version = version

    async def _watch(self) -> End:
        """Follow events until the server ends the watch, as it does after the requested time, or is silent for too long."""
        pace = self._pace
        seconds = max(1, round(pace.between(pace.shortest_watch, pace.longest_watch)))
        started = monotonic()
        request, timeout = self._objects.watch(self._version, seconds), seconds + pace.lateness
        async with self._cluster.get(request, answer_timeout=pace.watch_answer, timeout=timeout) as response:
            self._callbacks.watching()
            if await self._is_silent(response):
                return End.SILENT
        if monotonic() - started < pace.too_short:
            raise ClusterError("the API server ends watches at once", end=End.AT_ONCE)
        return End.AS_ASKED

    async def _is_silent(self, response: aiohttp.ClientResponse) -> bool:
        """Take events until the clean end of the watch. Returns True if none came for too long before that."""
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(self._pace.silence) as patience:
                async for event in events(response):
                    patience.reschedule(clock() + self._pace.silence)
                    self._take(event)
                    await asyncio.sleep(0)  # hundreds may come together, and the admin port has to answer between them
        except TimeoutError:
            if not patience.expired():
                raise
            return True
        return False

    def _take(self, event: Event) -> None:
        if event.kind == "ERROR":
            raise _error(event.item)
        if event.kind != "BOOKMARK":
            self._callbacks.happened(event)
        self._version = version_of(event.item) or self._version


def _error(item: object) -> ClusterError:
    """The error for an `ERROR` event, from its Status object. Except for 429, our data may be out of date."""
    status = item if isinstance(item, dict) else {}
    code, message = status.get("code"), status.get("message")
    words = message if isinstance(message, str) else "no reason given"
    number = code if isinstance(code, int) else 0
    details = status.get("details")
    seconds = details.get("retryAfterSeconds") if isinstance(details, dict) else None
    retry_after = float(seconds) if isinstance(seconds, int) and seconds > 0 else 0.0
    reason = f"the watch ended with {number or 'an error'}: {words}"
    return ClusterError(reason, end=ENDS.get(number, End.OTHER), retry_after=retry_after)
