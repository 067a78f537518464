"""`tidegate check --connect`: asks the API servers of the pools, and says what they allow and refuse."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from tidegate.control.discovery.kubernetes.cluster import Cluster, Request
from tidegate.control.discovery.kubernetes.source import cluster_of
from tidegate.control.discovery.kubernetes.stream import whole_list
from tidegate.control.discovery.kubernetes.trouble import ClusterError
from tidegate.control.discovery.kubernetes.watch import Objects
from tidegate.control.discovery.look_ups import LookUps
from tidegate.core.discovery.endpoint_choice import Wanted, choose
from tidegate.core.discovery.slices import Store, read_endpoints, read_slice
from tidegate.settings.model import Settings
from tidegate.settings.parts.kubernetes import KubernetesSettings
from tidegate.settings.words import KubernetesApi

TIMEOUT = 15.0
ANY_VERSION = "0"


class Finding(NamedTuple):
    """The result of one request: whether all is well, and a text for people."""

    is_good: bool
    text: str


def findings(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Make the requests that discovery will make, once for each pool that is a Service of Kubernetes."""
    return asyncio.run(_findings(settings, environ))


async def _findings(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    found: list[Finding] = []
    look_ups = LookUps()
    for name, pool in settings.pools.items():
        kubernetes = pool.kubernetes
        if kubernetes.service is not None:
            objects = Objects.of(kubernetes.service, kubernetes.api)
            cluster = cluster_of(kubernetes, environ, look_ups)
            tried = [await _list(cluster, objects, kubernetes), await _watch(cluster, objects.watch(ANY_VERSION, 1))]
            found += [Finding(is_good, f"pool {name}: {text}") for is_good, text in tried]
    return found or [Finding(is_good=True, text="no pool is a Service of Kubernetes: nothing to connect to")]


async def _list(cluster: Cluster, objects: Objects, settings: KubernetesSettings) -> Finding:
    request = objects.list()
    try:
        async with cluster.get(request, answer_timeout=TIMEOUT, timeout=TIMEOUT) as response:
            items, _ = await whole_list(response)
    except ClusterError as error:
        return Finding(is_good=False, text=f"cannot {request.what}: {error}")
    store = Store(read_endpoints if settings.api is KubernetesApi.ENDPOINTS else read_slice).listed(items)
    choice = choose(store.slices, Wanted(settings.port, settings.node or "", settings.zone or ""))
    text = f"may {request.what}: {settings.service} has {len(items)} of them, {len(choice.backends)} backends to use"
    amiss = [*store.complaints, *([choice.problem] if choice.problem else [])]
    if not items:
        amiss.append(objects.absence)
    return Finding(not amiss, "\n".join([text, *amiss]))


async def _watch(cluster: Cluster, request: Request) -> Finding:
    try:
        async with cluster.get(request, answer_timeout=TIMEOUT, timeout=TIMEOUT):
            return Finding(is_good=True, text=f"may {request.what}")
    except ClusterError as error:
        return Finding(is_good=False, text=f"cannot {request.what}: {error}")
