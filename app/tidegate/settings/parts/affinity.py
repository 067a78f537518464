"""Settings of affinity: clients return to the backend that they had."""

from typing import Annotated

from pydantic import Field

from tidegate.settings.notation.values import duration, whole_number
from tidegate.settings.parts.section import Section

MOST_CLIENTS = 100_000


class AffinitySettings(Section):
    """The table of one pool that remembers which client had which backend; durations are in seconds."""

    ttl: Annotated[float, duration(least=0.0, note=" (0 means no affinity)")] = Field(
        default=0.0, description="time for which a client address keeps its backend after its last connection; `0` = off"
    )
    max_clients: Annotated[int, whole_number(1, MOST_CLIENTS)] = Field(
        default=10_000, description="client addresses that are remembered; the one not seen for longest goes first"
    )
