"""Settings of the whole process: drain, log, and the number of workers."""

from typing import Annotated

from pydantic import Field

from tidegate.settings.notation.values import Notation, choice, duration, number_schema, whole_number
from tidegate.settings.parts.section import Section
from tidegate.settings.reading.cpu_limit import cpu_limit
from tidegate.settings.words import LogFormat, LogLevel

MOST_WORKERS = 64


class DrainSettings(Section):
    """What happens after SIGTERM; durations are in seconds."""

    delay: Annotated[float, duration(least=0.0)] = Field(
        default=0.0,
        description="time to keep accepting after SIGTERM",
        json_schema_extra={"default_text": "`0s` (`5s` inside Kubernetes)"},
    )
    grace: Annotated[float, duration(least=0.0)] = Field(default=25.0, description="time that sessions then have to finish")
    backend_grace: Annotated[float, duration(least=0.0, note=" (0 means until they end)")] = Field(
        default=0.0, description="time that sessions have on a backend that has left its pool; `0` = until they end"
    )


class LogSettings(Section):
    """What is logged, and how."""

    level: Annotated[LogLevel, choice(LogLevel)] = Field(
        default=LogLevel.INFO, description="least important events to log: `debug`, `info`, `warning`, `error`"
    )
    format: Annotated[LogFormat | None, choice(LogFormat).or_none()] = Field(
        default=None,
        description="how lines look: `json` or `console`",
        json_schema_extra={"default_text": "`json` (`console` on a terminal)"},
    )


def _read_workers(value: object) -> object:
    if isinstance(value, str) and value.strip().lower() == "auto":
        return min(cpu_limit(), MOST_WORKERS)
    return whole_number(1, MOST_WORKERS, " or auto").read(value)


WORKERS = Notation(_read_workers, int, number_schema("integer", 1, MOST_WORKERS, "auto|[0-9]{1,18}"))
