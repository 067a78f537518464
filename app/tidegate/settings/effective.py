"""The settings in use as plain data, in the tree of the YAML file."""

from tidegate.settings.model import Settings
from tidegate.settings.parts.dns import DnsSettings
from tidegate.settings.parts.pool import PoolSettings


def effective(settings: Settings) -> dict[str, object]:
    """Return the tree in its named form, with every default; as YAML it gives equal settings, but for the masked token.

    Of the sources of a pool's backends only the one in use is in it.
    """
    unused = {name: _unused_sources(pool) for name, pool in settings.pools.items()}
    tree: dict[str, object] = settings.model_dump(mode="json", exclude_none=True, exclude={"pools": unused})
    return tree


def _unused_sources(pool: PoolSettings) -> dict[str, bool | set[str]]:
    """What to leave out; how often names are looked up holds for those among the backends, too."""
    unused: dict[str, bool | set[str]] = dict.fromkeys(("backends", "dns", "kubernetes"), True)
    if pool.source == "static":
        return unused | {"backends": set(), "dns": set(DnsSettings.model_fields) - {"max_interval"}}
    return unused | {pool.source: set()}
