"""Checks what Unix sockets do not have: a port, and clients with addresses."""

from collections.abc import Iterator

from tidegate.core.unix_socket import UNIX
from tidegate.settings.checks.problem import problem
from tidegate.settings.model import Settings
from tidegate.settings.notation.networks import NetworkList
from tidegate.settings.parts.health import HealthSettings
from tidegate.settings.parts.listener import ListenerSettings
from tidegate.settings.reading.names import flat_form, variable_of


def unix_socket_problems(settings: Settings) -> Iterator[str]:
    """Yield a line for each list that does not suit a listener, and each pool that would probe a Unix socket at a port."""
    for name, listener in settings.listeners.items():
        for keys, message in _problems_of_lists(listener):
            yield problem(variable_of(flat_form(("listeners", name, *keys))), message)
    for name, pool in settings.pools.items():
        socket = next((str(backend.address) for backend in pool.backends if backend.address.is_unix), None)
        if socket and (key := _lone_key(pool.health)):
            message = f"{socket} has no port: expected health.address and health.port together, or neither"
            yield problem(variable_of(flat_form(("pools", name, "health", key))), message)


def _problems_of_lists(listener: ListenerSettings) -> Iterator[tuple[tuple[str, ...], str]]:
    lists = {("allow",): listener.allow, ("deny",): listener.deny, ("proxy_protocol", "from"): listener.proxies}
    socket = next((str(address) for address in listener.addresses if address.is_unix), None)
    if socket is None:
        for keys, networks in lists.items():
            if _has_unix(networks):
                yield keys, f"{UNIX} is for clients at Unix sockets: expected one in bind, too"
    elif not _has_unix(listener.proxies):
        if listener.proxies is not None and all(address.is_unix for address in listener.addresses):
            why = f"clients at {socket} have no IP address, so none would have to send a header"
            yield ("proxy_protocol", "from"), f"{why}: expected {UNIX} in the list, too"
        why = f"clients at {socket} have no IP address, so none would be let in"
        if listener.allow is not None and not _has_unix(listener.allow):
            yield ("allow",), f"{why}: expected {UNIX} in the list, too"
        if _has_unix(listener.deny):
            yield ("deny",), f"{why}: expected the list without {UNIX}, or no Unix socket"


def _has_unix(networks: NetworkList | None) -> bool:
    return networks is not None and UNIX in networks.networks


def _lone_key(health: HealthSettings) -> str | None:
    if (health.address is None) is (health.port is None):
        return None
    return "port" if health.address is None else "address"
