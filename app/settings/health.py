"""How the backends of a pool are checked."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from app.settings.notation import STATUSES, choice, duration, text, whole_number
from app.settings.section import Section
from app.settings.statuses import StatusRanges
from app.settings.units import format_duration


class HealthType(StrEnum):
    """What a probe does after it has connected; `none` does not probe at all."""

    TCP = "tcp"
    HTTP = "http"
    WEBSOCKET = "websocket"
    SOCKETIO = "socketio"
    NONE = "none"

    @property
    def reads_answer(self) -> bool:
        """Whether a success means that the backend has answered, and not only that it accepts."""
        return self.value not in {"tcp", "tls", "none"}


def _usual_path(given: dict[str, object]) -> str:
    return "/socket.io/" if given.get("type") == HealthType.SOCKETIO else "/"


class HealthSettings(Section):
    """Active checks of one pool; durations are in seconds."""

    type: Annotated[HealthType, choice(HealthType)] = Field(
        default=HealthType.TCP, description="how a backend is checked: `tcp`, `http`, `websocket`, `socketio`, `none`"
    )
    interval: Annotated[float, duration()] = Field(default=3.0, description="time between two checks of a backend")
    timeout: Annotated[float, duration()] = Field(
        default=1.0, description="time after which a check has failed; at most the interval"
    )
    rise: Annotated[int, whole_number(1, 100)] = Field(
        default=2, description="successful checks in a row that make a backend usable"
    )
    fall: Annotated[int, whole_number(1, 100)] = Field(
        default=5, description="failed checks in a row that make a backend unusable"
    )
    port: Annotated[int | None, whole_number(1, 65535).or_none()] = Field(
        default=None,
        description="another port to check",
        json_schema_extra={"default_text": "the backend's"},
    )
    path: Annotated[str, text(r"/[!-~]{0,2047}", "a path that starts with / and has no spaces")] = Field(
        default_factory=_usual_path,
        description="path to request, for `http`, `websocket` and `socketio`",
        json_schema_extra={"default_text": "`/` (`/socket.io/` for `socketio`)"},
    )
    host: Annotated[str | None, text(r"[!-~]{1,255}", "a host name, or host:port, without spaces").or_none()] = Field(
        default=None,
        description="Host header, for `http`, `websocket` and `socketio`",
        json_schema_extra={"default_text": "the address"},
    )
    expect_status: Annotated[StatusRanges, STATUSES] = Field(
        default=StatusRanges(((200, 399),)), description="HTTP statuses that count as success"
    )

    @field_validator("timeout")
    @classmethod
    def _within_interval(cls, timeout: float, info: ValidationInfo) -> float:
        interval = info.data.get("interval", timeout)
        if timeout > interval:
            raise ValueError(
                f"a timeout of {format_duration(timeout)} is longer than the interval: "
                f"expected at most {format_duration(interval)}"
            )
        return timeout
