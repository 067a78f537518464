"""Which source of backends a pool has; what only one of them needs is loaded only for that one."""

from typing import Protocol

from app.control.discovery.static import StaticDiscovery, look_up
from app.control.pools import LivePool


class Source(Protocol):
    """Finds the backends of one pool and calls `LivePool.discovered`."""

    async def run(self) -> None:
        """Work for ever, or until there is nothing that could change."""


def source_of(pool: LivePool) -> Source:
    """The source that the settings of the pool name, not yet running."""
    if pool.settings.source == "dns":
        from app.control.discovery.dns import DnsDiscovery  # noqa: PLC0415  4 MB that most sidecars do without

        return DnsDiscovery(pool)
    return StaticDiscovery(pool, look_up)
