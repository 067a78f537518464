"""One probe of a port, as control does it."""

from tidegate.control.health.outcome import failure_of
from tidegate.core.address import Address
from tidegate.core.pools.backend import Backend
from tidegate.settings.parts.health import HealthSettings


async def probe(port: int, kind: str, *, host: str = "127.0.0.1", **health: object) -> str:
    """`ok`, or the reason why a backend at this port does not pass; with a timeout that only a stuck probe needs."""
    settings = HealthSettings.model_validate({"type": kind, "timeout": "8s", "interval": "8s", **health})
    address = Address(host, port)
    return await failure_of(Backend(str(address), *address), settings, "default") or "ok"
