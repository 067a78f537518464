"""The settings in use as plain data, in the tree of the YAML file."""

from collections.abc import Iterator

from app.settings.model import Settings
from app.settings.pool import PoolSettings


def effective(settings: Settings) -> dict[str, object]:
    """Return the tree in its named form, with every default; as YAML it gives equal settings, but for the masked token.

    Of the sources of a pool's backends only the one in use is in it.
    """
    unused = {name: set(_unused_sources(pool)) for name, pool in settings.pools.items()}
    tree: dict[str, object] = settings.model_dump(mode="json", exclude_none=True, exclude={"pools": unused})
    return tree


def _unused_sources(pool: PoolSettings) -> Iterator[str]:
    if not pool.backends:
        yield "backends"
    if not pool.dns.name:
        yield "dns"
    if not pool.kubernetes.service:
        yield "kubernetes"
