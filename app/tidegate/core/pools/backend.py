"""A backend and the states it can be in."""

from dataclasses import dataclass, field, replace
from enum import StrEnum


class State(StrEnum):
    """The state of a backend for routing, in the words of `/status`, the metrics and the log."""

    UP = "up"
    DOWN = "down"
    CHECKING = "checking"
    DRAINING = "draining"
    EJECTED = "ejected"


@dataclass(frozen=True, slots=True)
class Backend:
    """One destination for connections.

    `name` (`host:port` as configured) is its identity. `host` is the IP address to dial, or `unix:/path`; empty until a host
    name has been resolved. `others` are the other addresses of the name, the next to try first; DNS answers vary in them, so
    they do not count for equality. `max_connections` 0 means no limit. The policy `first` fills backends by `order`, lowest
    first, then by name. With `no_check` it is not probed, whatever its pool's settings. `pod`, `node` and `zone` are
    information for people, empty when unknown.
    """

    name: str
    host: str
    port: int
    weight: int = 1
    max_connections: int = 0
    backup: bool = False
    order: int = 0
    pod: str = ""
    node: str = ""
    zone: str = ""
    no_check: bool = False
    others: tuple[str, ...] = field(default=(), compare=False)

    @property
    def hosts(self) -> tuple[str, ...]:
        """All IP addresses of its name, the one to dial first."""
        return self.host, *self.others

    def at(self, host: str) -> "Backend":
        """The same backend at another address of its name; the addresses after that one are next to try.

        Unchanged if `host` is not one of its addresses.
        """
        if host == self.host or host not in self.others:
            return self
        place = self.hosts.index(host)
        return replace(self, host=host, others=self.hosts[place + 1 :] + self.hosts[:place])

    def is_another(self, other: "Backend") -> bool:
        """Whether health and statistics of `other` say nothing about this one: a different address, or a different pod."""
        return self.address != other.address or bool(self.pod and other.pod and self.pod != other.pod)

    @property
    def address(self) -> tuple[str, int]:
        """The IP address and port to dial, or a Unix socket and 0."""
        return self.host, self.port
