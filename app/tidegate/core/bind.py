"""What a listener is bound to."""

from dataclasses import dataclass
from typing import Final

from tidegate.core.address import Address

OWNER_ONLY: Final = 0o600


@dataclass(frozen=True, slots=True)
class Bind:
    """An address to listen on; for a Unix socket, with the permissions of its file."""

    address: Address
    mode: int = OWNER_ONLY

    def __str__(self) -> str:
        return str(self.address) if self.mode == OWNER_ONLY else f"{self.address} mode={self.mode:04o}"
