"""Settings of the queue in which clients wait while every backend of a pool is full."""

from typing import Annotated

from pydantic import Field

from tidegate.settings.notation.values import short_duration, whole_number
from tidegate.settings.parts.section import Section

LARGEST_QUEUE = 100_000


class QueueSettings(Section):
    """The queue of one pool; durations are in seconds."""

    size: Annotated[int, whole_number(0, LARGEST_QUEUE, " (0 means no queue)")] = Field(
        default=0, description="clients that may wait while all backends are full; `0` = none, they are reset at once"
    )
    timeout: Annotated[float, short_duration(least=0.01)] = Field(
        default=5.0, description="time after which a client that waits is reset"
    )
