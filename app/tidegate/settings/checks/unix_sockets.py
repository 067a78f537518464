"""Checks what cannot be of Unix sockets, which have no port, and whose clients have no address."""

from collections.abc import Iterator

from tidegate.core.unix_socket import UNIX, is_unix
from tidegate.settings.checks.problem import problem
from tidegate.settings.model import Settings
from tidegate.settings.parts.health import HealthSettings
from tidegate.settings.parts.listener import ListenerSettings
from tidegate.settings.reading.names import flat_form, variable_of


def unix_socket_problems(settings: Settings) -> Iterator[str]:
    """Yield a line for each Unix socket that nobody may come in by, and for each one that is to be probed at a port."""
    for name, listener in settings.listeners.items():
        socket = next((str(address) for address in listener.addresses if is_unix(address.host)), None)
        if socket and _lets_nobody_in(listener):
            message = f"clients at {socket} have no IP address, so none would be let in: expected {UNIX} in the list, too"
            yield problem(variable_of(flat_form(("listeners", name, "allow"))), message)
    for name, pool in settings.pools.items():
        socket = next((str(backend.address) for backend in pool.backends if is_unix(backend.address.host)), None)
        if socket and (key := _lone_key(pool.health)):
            message = f"{socket} has no port: expected health.address and health.port together, or neither"
            yield problem(variable_of(flat_form(("pools", name, "health", key))), message)


def _lets_nobody_in(listener: ListenerSettings) -> bool:
    """Whether those who have no address of their own, nor one that a proxy tells, are left out."""
    told = listener.proxies is not None and UNIX in listener.proxies.networks
    return listener.allow is not None and UNIX not in listener.allow.networks and not told


def _lone_key(health: HealthSettings) -> str | None:
    if (health.address is None) is (health.port is None):
        return None
    return "port" if health.address is None else "address"
