"""Settings of listeners and pools in the named form, for a proxy with several of them."""

from typing import Any

from tests.support.ports import free_port

FLAT_DEFAULTS: dict[str, Any] = dict.fromkeys(("LISTEN", "HEALTH__INTERVAL", "HEALTH__TIMEOUT"))
"""Takes back what `running_proxy` gives in the flat form, which would make one more pool."""


def named_pools(**pools: dict[str, Any]) -> dict[str, Any]:
    """Settings of pools such as `chat={"BACKENDS": ..., "HEALTH__TYPE": "http"}`, each with a listener on a free port."""
    settings = dict(FLAT_DEFAULTS)
    for name, values in pools.items():
        settings[f"LISTENERS__{name.upper()}__BIND"] = f"127.0.0.1:{free_port()}"
        settings |= {f"POOLS__{name.upper()}__{key}": value for key, value in values.items()}
    return settings


def port_of(settings: dict[str, Any], name: str) -> int:
    """The port of a pool's listener."""
    return int(settings[f"LISTENERS__{name.upper()}__BIND"].rpartition(":")[2])
