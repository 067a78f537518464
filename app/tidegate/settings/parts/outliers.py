"""Settings of passive health: failures of real traffic eject a backend."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from tidegate.settings.notation.units import format_duration
from tidegate.settings.notation.values import duration, whole_number
from tidegate.settings.parts.section import Section


class OutlierSettings(Section):
    """Passive health of one pool; durations are in seconds."""

    failures: Annotated[int, whole_number(0, 10_000, " (0 means never)")] = Field(
        default=5,
        description="failures in a row that eject a backend: dials that fail, and sessions that it ends early; `0` = never",
    )
    early_end: Annotated[float, duration(least=0.0, note=" (0 means that it does not count)")] = Field(
        default=1.0,
        description="a session that a backend ends within this time of the connect without a byte is a failure; "
        "`0` = it is none",
    )
    max_ejection: Annotated[float, duration()] = Field(default=300.0, description="longest time that a backend is ejected")
    ejection: Annotated[float, duration()] = Field(
        default=30.0,
        description="time that a backend is ejected, doubled for each ejection in a row up to the longest; "
        "successful checks end it earlier",
    )
    max_ejected_percent: Annotated[int, whole_number(0, 100)] = Field(
        default=50,
        description="most backends of the pool that are ejected at once, in percent, rounded down; never the last",
    )

    @field_validator("ejection")
    @classmethod
    def _within_the_longest(cls, ejection: float, info: ValidationInfo) -> float:
        longest = info.data.get("max_ejection", ejection)
        if ejection > longest:
            raise ValueError(
                f"an ejection of {format_duration(ejection)} is longer than max_ejection: "
                f"expected at most {format_duration(longest)}"
            )
        return ejection
