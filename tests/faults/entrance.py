"""Where clients connect: the listeners of a proxy, and the settings of those that are not the default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.faults.opening import Opening
from tidegate.core.address import join_address
from tidegate.settings.reading.names import named_forms


@dataclass(frozen=True)
class Entrance:
    """A listener, its address, and its pool with the names of the backends that this may have.

    Where first bytes choose the pool, `routes` are the pools with the names of their backends.
    """

    listener: str
    pool: str
    host: str
    port: int
    backends: tuple[str, ...]
    routes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """`host:port`, or `unix:/path`."""
        return join_address(self.host, self.port)

    def way_of(self, opening: Opening) -> "Entrance":
        """The same for a client with these first bytes: it has the pool that they lead to, or meets no backend at all."""
        if opening.pool is None:
            return self
        if not opening.pool:
            return replace(self, backends=())
        return replace(self, pool=opening.pool, backends=self.routes[opening.pool])

    def settings(self, default: Mapping[str, Any], marks: Sequence[str]) -> dict[str, Any]:
        """Of this listener, and of its pool if that is another one than the default: both do as the default does."""
        settings = {f"LISTENERS__{self.listener.upper()}__{key}": value for key, value in _of("listeners", default)}
        settings[f"LISTENERS__{self.listener.upper()}__BIND"] = self.address
        settings[f"LISTENERS__{self.listener.upper()}__POOL"] = self.pool
        if self.pool != "default":
            settings |= {f"POOLS__{self.pool.upper()}__{key}": value for key, value in _of("pools", default)}
            settings[f"POOLS__{self.pool.upper()}__BACKENDS"] = listed(self.backends, marks)
        return settings


def listed(backends: Sequence[str], marks: Sequence[str]) -> str:
    """Backends as settings name them, each with its mark."""
    return ",".join(f"{backend} {mark}" for backend, mark in zip(backends, marks, strict=True))


def _of(kind: str, settings: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Those of the settings that are of listeners or of pools, without their names."""
    found = [(path, value) for key, value in settings.items() for path in named_forms(tuple(key.lower().split("__")))]
    return [("__".join(map(str, path[2:])).upper(), value) for path, value in found if path[0] == kind]
