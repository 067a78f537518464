"""What a probe is told, and how it says that it failed."""

from dataclasses import dataclass

from app.core.address import Address
from app.settings import HealthSettings


class ProbeError(Exception):
    """The backend did not pass; the text is the reason that people read in the log and on the status page."""


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """The address to probe, the backend's name, and what the pool's settings ask for."""

    address: Address
    name: str
    settings: HealthSettings

    @property
    def host_header(self) -> str:
        """What HTTP calls this backend."""
        return self.settings.host or self.name
