"""A backend and the states it can be in."""

from dataclasses import dataclass, field, replace
from enum import StrEnum


class State(StrEnum):
    """What a backend is to routing; the words of `/status`, the metrics and the log."""

    UP = "up"
    DOWN = "down"
    CHECKING = "checking"
    DRAINING = "draining"
    EJECTED = "ejected"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class Backend:
    """One place that connections can be sent to.

    `name` (`host:port` as configured) is its identity; `host` is the IP address to dial, empty while a host name has not
    been resolved yet. `others` are the other addresses of the name, the next to try first; they differ from answer to
    answer, and do not make it another backend. `max_connections` 0 means no limit. The policy `first` fills those with the
    lowest `order` first, and goes by name among equals. With `no_check` it is not probed, whatever its pool says. `pod`,
    `node` and `zone` are for people, empty where unknown.
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
        """All addresses of its name."""
        return self.host, *self.others

    def at(self, host: str) -> "Backend":
        """The same backend at this address, if it is one of its name; those behind it are the next to try."""
        if host == self.host or host not in self.others:
            return self
        place = self.hosts.index(host)
        return replace(self, host=host, others=self.hosts[place + 1 :] + self.hosts[:place])

    def is_another(self, other: "Backend") -> bool:
        """Whether nothing that is known of the other one holds for this one: another address, or another pod at it."""
        return self.address != other.address or bool(self.pod and other.pod and self.pod != other.pod)

    @property
    def address(self) -> tuple[str, int]:
        """Where to dial."""
        return self.host, self.port
