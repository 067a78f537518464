"""A listener: the addresses where clients connect, and the pool they are given to."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from app.core.address import Address
from app.settings.notation import LISTEN_ADDRESS, text
from app.settings.section import Section, items_of

MOST_ADDRESSES = 64


def bind_items(value: object) -> list[object]:
    """Return the addresses of one listener, not yet read; raises ValueError when there are none."""
    items = items_of(value, MOST_ADDRESSES)
    if not items:
        raise ValueError("no address: give host:port, like 0.0.0.0:8000 or [::]:8000, or a comma list of those")
    return items


class ListenerSettings(Section):
    """One listener."""

    bind: Annotated[tuple[Annotated[Address, LISTEN_ADDRESS], ...], BeforeValidator(bind_items)] = Field(
        default=(), description="client address, as in `0.0.0.0:8000` or `[::]:8000`; comma list for several"
    )
    pool: Annotated[str, text(r".+", "the name of a pool")] = Field(description="name of the pool that clients are given to")
