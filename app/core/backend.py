"""A backend and the states it can be in."""

from dataclasses import dataclass
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
    been resolved yet. `max_connections` 0 means no limit. The policy `first` fills those with the lowest `order` first, and
    goes by name among equals. `pod`, `node` and `zone` are for people, empty where unknown.
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

    def is_another(self, other: "Backend") -> bool:
        """Whether nothing that is known of the other one holds for this one: another address, or another pod at it."""
        return self.address != other.address or bool(self.pod and other.pod and self.pod != other.pod)

    @property
    def address(self) -> tuple[str, int]:
        """Where to dial."""
        return self.host, self.port
