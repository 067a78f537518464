"""Makes the source of backends of each pool. Imports the libraries of a source only when a pool uses it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from tidegate.control.discovery.look_ups import LookUps
from tidegate.control.discovery.static import StaticDiscovery
from tidegate.control.pools.live_pool import LivePool

if TYPE_CHECKING:
    from tidegate.control.discovery.kubernetes.cluster import Cluster


class Source(Protocol):
    """Finds the backends of one pool and calls `LivePool.discovered`."""

    async def run(self) -> None:
        """Run forever, or until nothing can change any more."""

    def refresh(self, backend: str) -> None:
        """Look up this backend again soon, because it could not be reached: at most once a second for each name."""


class Sources:
    """Makes the source of each pool. All pools share the look-ups; pools of the same cluster share its requests."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._look_ups = LookUps()
        self._clusters: dict[tuple[str | None, str | None], Cluster] = {}

    def of(self, pool: LivePool) -> Source:
        """A new source, as the settings of the pool say. The caller runs it."""
        match pool.settings.source:
            case "kubernetes":
                return self._kubernetes(pool)
            case "dns":
                from tidegate.control.discovery.dns import DnsDiscovery  # noqa: PLC0415  4 MB that most sidecars do not need

                return DnsDiscovery(pool)
            case _:
                return StaticDiscovery(pool, self._look_ups.find)

    def _kubernetes(self, pool: LivePool) -> Source:
        from tidegate.control.discovery.kubernetes.source import (  # noqa: PLC0415  a client of the API server, which most sidecars do not need
            KubernetesDiscovery,
            cluster_of,
        )

        settings = pool.settings.kubernetes
        key = settings.kubeconfig, settings.context
        cluster = self._clusters.get(key)
        if cluster is None:
            cluster = self._clusters[key] = cluster_of(settings, self._environ, self._look_ups)
        return KubernetesDiscovery(pool, cluster)
