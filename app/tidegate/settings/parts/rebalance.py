"""Settings for live sessions when the backends of a pool change: keep or close them, and rebalance."""

from typing import Annotated

from pydantic import Field

from tidegate.settings.notation.values import choice, duration, whole_number
from tidegate.settings.parts.section import Section
from tidegate.settings.words import RebalanceMode

HIGHEST_RATE = 100_000


class RebalanceSettings(Section):
    """How live sessions are moved to backends that have joined or come back; durations are in seconds."""

    mode: Annotated[RebalanceMode, choice(RebalanceMode)] = Field(
        default=RebalanceMode.OFF,
        description="when the pool has grown, close what backends have above their fair share, so that clients come back "
        "elsewhere: `off`, `dry_run` (only count), `on`",
    )
    rate: Annotated[int, whole_number(1, HIGHEST_RATE)] = Field(
        default=10, description="sessions that a rebalance closes per second, at most"
    )
    delay: Annotated[float, duration(least=0.0)] = Field(
        default=5.0, description="quiet time after the last change of the pool before a rebalance"
    )
    tolerance_percent: Annotated[int, whole_number(0, 100)] = Field(
        default=5, description="how far above its fair share a backend is left alone"
    )
