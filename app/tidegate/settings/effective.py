"""Converts settings to plain data in the tree of the YAML file, for `tidegate check`."""

from tidegate.settings.model import Settings
from tidegate.settings.parts.dns import DnsSettings
from tidegate.settings.parts.pool import PoolSettings


def effective(settings: Settings) -> dict[str, object]:
    """Return the tree in its named form, with every default. Loaded as YAML it gives equal settings, except masked secrets.

    Of a pool's possible sources of backends, it has only the one in use.
    """
    unused = {name: _unused_sources(pool) for name, pool in settings.pools.items()}
    tree: dict[str, object] = settings.model_dump(mode="json", exclude_none=True, exclude={"pools": unused})
    return tree


def _unused_sources(pool: PoolSettings) -> dict[str, bool | set[str]]:
    """The keys to leave out. Of `dns`, static backends keep `max_interval`: it applies to host names among them, too."""
    unused: dict[str, bool | set[str]] = dict.fromkeys(("backends", "dns", "kubernetes"), True)
    if pool.source == "static":
        return unused | {"backends": set(), "dns": set(DnsSettings.model_fields) - {"max_interval"}}
    return unused | {pool.source: set()}
