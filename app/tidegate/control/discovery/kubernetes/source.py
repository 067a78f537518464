"""Keeps a pool's backends equal to the endpoints of a Service."""

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from tidegate.control.discovery.kubernetes.cluster import Cluster
from tidegate.control.discovery.kubernetes.credentials import ServiceAccount
from tidegate.control.discovery.kubernetes.stream import Event
from tidegate.control.discovery.kubernetes.trouble import ClusterError
from tidegate.control.discovery.kubernetes.watch import Objects, Watch, WatchCallbacks, WatchPace
from tidegate.control.discovery.look_ups import LookUps
from tidegate.control.log import event_log
from tidegate.control.pools.live_pool import LivePool
from tidegate.core.discovery.endpoint_choice import Choice, Wanted, choose
from tidegate.core.discovery.slices import Store, read_endpoints, read_slice
from tidegate.core.pools.backend import Backend, State
from tidegate.settings.words import KubernetesApi

if TYPE_CHECKING:
    from tidegate.settings.parts.kubernetes import KubernetesSettings

SOURCE = "kubernetes"
PUBLISH_PAUSE = 0.05
REST = 4  # a pause is at least this many times as long as the work before it, however many events come
ROOM_PAUSE = 2.0
"""Seconds until backends that found no room are tried again: the end of a backend's last session makes room without an
event."""
MOVE_PAUSE = 0.25
"""Seconds for which a missing endpoint stays: it may be moving to another slice, whose event is still to come."""
PORTION = 500
"""The most backends that join or leave at once: the work for thousands would delay `/healthz`."""
MOST_COMPLAINTS = 200


def cluster_of(settings: "KubernetesSettings", environ: Mapping[str, str], look_ups: LookUps) -> Cluster:
    """The cluster that a pool's settings name."""
    if settings.kubeconfig is not None:
        from tidegate.control.discovery.kubernetes.kubeconfig import (  # noqa: PLC0415  20 MB that pods do not need
            Kubeconfig,
        )

        return Cluster(Kubeconfig(settings.kubeconfig, settings.context, environ), look_ups)
    return Cluster(ServiceAccount(environ), look_ups)


class KubernetesDiscovery:
    """The discovery of one pool from one Service. Errors of the API server never remove a backend."""

    def __init__(self, pool: LivePool, cluster: Cluster, pace: WatchPace | None = None) -> None:
        settings = pool.settings.kubernetes
        assert settings.service is not None
        self._pool, self._settings, self._service = pool, settings, settings.service
        self._wanted = Wanted(settings.port, settings.node or "", settings.zone or "")
        self._store = Store(read_endpoints if settings.api is KubernetesApi.ENDPOINTS else read_slice)
        callbacks = WatchCallbacks(self._listed, self._happened, self._watching, self._failed)
        self._objects = Objects.of(self._service, settings.api)
        self._watch = Watch(cluster, self._objects, callbacks, pace or WatchPace())
        self._complained: set[str] = set()
        self._trouble = ""  # the last error of the API server; empty while the watch works
        self._oddity = ""  # why there are fewer backends than expected although the API server answers
        self._said_synced = False
        self._gone_since: dict[str, float] = {}
        self._due: asyncio.TimerHandle | None = None
        self._due_at = 0.0
        self._not_before = 0.0

    async def run(self) -> None:
        """Follow the Service forever."""
        self._pool.discovery_reported(synced=False, reason="the API server has not answered yet")
        if self._settings.api is KubernetesApi.ENDPOINTS:
            self._warn("discovery_deprecated", "v1 Endpoints are deprecated since Kubernetes 1.33: expected endpointslices")
        try:
            await self._watch.run()
        finally:
            self._forget_due()

    def refresh(self, backend: str) -> None:
        """Do nothing: a watch gets every change at once."""

    # Called by the watch

    def _listed(self, items: list[object]) -> None:
        self._store = self._store.listed(items)
        self._complain()
        self._forget_due()
        self._gone_since.clear()
        self._publish(is_whole=True)

    def _happened(self, event: Event) -> None:
        self._store = self._store.after(event.kind, event.item)
        self._complain()
        self._publish_in(max(0.0, self._not_before - monotonic()))

    def _watching(self) -> None:
        """The watch continues from the version of the last list or event, so it has missed nothing."""
        self._trouble = ""
        self._report()
        if not self._said_synced:
            self._said_synced = True
            count = len(self._pool.snapshot.members)
            event_log.info(
                "discovery_synced", pool=self._pool.name, source=SOURCE, service=str(self._service), backends=count
            )

    def _failed(self, trouble: ClusterError) -> None:
        self._pool.discovery_failed()
        if str(trouble) != self._trouble:
            self._warn("discovery_failed", str(trouble))
        self._trouble, self._said_synced = str(trouble), False
        self._report()

    # Updates of the pool, and log lines

    def _publish_in(self, seconds: float) -> None:
        at = monotonic() + seconds
        if self._due is None or self._due_at > at:
            self._forget_due()
            self._due, self._due_at = asyncio.get_running_loop().call_later(seconds, self._publish), at

    def _publish(self, *, is_whole: bool = False) -> None:
        """Update the pool. Events that come meanwhile, and in the pause after it, are published together."""
        self._due = None
        started = monotonic()
        choice = choose(self._store.slices, self._wanted)
        backends, draining = (choice.backends, choice.draining) if is_whole else self._gradually(choice)
        self._pool.discovered(backends, draining, synced=not self._trouble)
        self._note_oddity(choice)
        self._report()
        now = monotonic()
        self._not_before = now + max(PUBLISH_PAUSE, REST * (now - started))

    def _gradually(self, choice: Choice) -> tuple[Sequence[Backend], Sequence[Backend]]:
        """The choice, with at most a portion of newcomers and a portion of leavers; backends that have just gone stay."""
        now, members = monotonic(), self._pool.snapshot.members
        listed = {backend.name for backend in (*choice.backends, *choice.draining)}
        gone = {name: self._gone_since.get(name, now) for name in members if name not in listed}
        leavers = [name for name, since in gone.items() if now - since >= MOVE_PAUSE]
        newcomers = [backend.name for backend in choice.backends if backend.name not in members]
        held = [] if self._pool.slots.left_out else newcomers[PORTION:]  # those without room would be newcomers forever
        later = {*leavers[PORTION:], *held}
        self._gone_since = {name: gone[name] for name in gone.keys() - leavers[:PORTION]}
        if later or self._gone_since:
            self._publish_in(0.0 if later else MOVE_PAUSE)
        stay = [members[name] for name in members if name in self._gone_since]
        return (
            [
                *(backend for backend in choice.backends if backend.name not in later),
                *(member.backend for member in stay if member.state is not State.DRAINING),
            ],
            [*choice.draining, *(member.backend for member in stay if member.state is State.DRAINING)],
        )

    def _note_oddity(self, choice: Choice) -> None:
        """Log once why there are fewer backends than expected."""
        event, oddity = "discovery_skipped" if choice.backends else "discovery_empty", choice.problem
        if not self._store.objects:
            oddity = self._objects.absence
        elif self._pool.slots.left_out:
            event, oddity = "discovery_cut", f"no room for {self._pool.slots.left_out} more backends"
            self._publish_in(ROOM_PAUSE)
        if oddity and oddity != self._oddity:
            self._warn(event, oddity)
        self._oddity = oddity

    def _report(self) -> None:
        self._pool.discovery_reported(synced=not self._trouble, reason=self._trouble or self._oddity or None)

    def _complain(self) -> None:
        for complaint in self._store.complaints:
            if complaint not in self._complained and len(self._complained) < MOST_COMPLAINTS:
                self._complained.add(complaint)
                self._warn("discovery_skipped", complaint)

    def _warn(self, event: str, reason: str) -> None:
        event_log.warning(event, pool=self._pool.name, source=SOURCE, service=str(self._service), reason=reason)

    def _forget_due(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
