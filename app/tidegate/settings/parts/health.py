"""Settings of active health checks of a pool's backends."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from tidegate.core.preface.proxy_version import ProxyVersion
from tidegate.settings.notation.headers import HEADERS
from tidegate.settings.notation.probe_text import CA_FILE, EXPRESSION, IP_ADDRESS, PASSWORD, SERVER_NAME, escaped_bytes
from tidegate.settings.notation.statuses import StatusRanges
from tidegate.settings.notation.units import format_duration
from tidegate.settings.notation.values import STATUSES, SWITCH, choice, short_duration, text, whole_number
from tidegate.settings.parts.section import Section
from tidegate.settings.secrets import Headers, Secret
from tidegate.settings.words import HealthType, Initial

_KINDS_WITH = {
    "verify": (HealthType.TLS, HealthType.HTTPS),
    "server_name": (HealthType.TLS, HealthType.HTTPS),
    "ca_file": (HealthType.TLS, HealthType.HTTPS),
    "send": (HealthType.SEND_EXPECT,),
    "expect": (HealthType.SEND_EXPECT,),
    "expect_regex": (HealthType.SEND_EXPECT,),
    "user": (HealthType.REDIS, HealthType.POSTGRES, HealthType.MYSQL),
    "password": (HealthType.REDIS,),
    "service": (HealthType.GRPC,),
    "headers": (HealthType.HTTP, HealthType.HTTPS, HealthType.WEBSOCKET, HealthType.SOCKETIO, HealthType.GRPC),
}
"""The settings that only some kinds of checks have, and those kinds."""

_WITH_PATH = "`http`, `https`, `websocket` and `socketio`"


def _usual_path(given: dict[str, object]) -> str:
    return "/socket.io/" if given.get("type") == HealthType.SOCKETIO else "/"


def _interval(given: dict[str, float]) -> float:
    return given["interval"]


class HealthSettings(Section):
    """Active checks of one pool; durations are in seconds."""

    type: Annotated[HealthType, choice(HealthType)] = Field(
        default=HealthType.TCP,
        description="how a backend is checked: `tcp`, `tls`, `http`, `https`, `websocket`, `socketio`, `send_expect`, "
        "`grpc`, `redis`, `postgres`, `mysql`, `smtp`, `pop3`, `imap`, `none`",
    )
    interval: Annotated[float, short_duration()] = Field(default=3.0, description="time between two checks of a backend")
    timeout: Annotated[float, short_duration()] = Field(
        default=1.0, description="time after which a check has failed; at most the interval"
    )
    fast_interval: Annotated[float, short_duration()] = Field(
        default_factory=_interval,
        validate_default=False,
        description="time between two checks of a backend while the last one contradicts its state",
        json_schema_extra={"default_text": "the interval"},
    )
    down_interval: Annotated[float, short_duration()] = Field(
        default_factory=_interval,
        validate_default=False,
        description="time between two checks of a backend that is down",
        json_schema_extra={"default_text": "the interval"},
    )
    rise: Annotated[int, whole_number(1, 100)] = Field(
        default=2, description="successful checks in a row that make a backend usable"
    )
    fall: Annotated[int, whole_number(1, 100)] = Field(
        default=5, description="failed checks in a row that make a backend unusable"
    )
    initial: Annotated[Initial | None, choice(Initial).or_none()] = Field(
        default=None,
        description="state of a backend before its first check: `checking` (not used, and the first check decides alone) "
        "or `up` (trusted at once, until `fall` checks have failed)",
        json_schema_extra={"default_text": "`checking`, for static backends; `up`, for those of Kubernetes"},
    )
    max_concurrent: Annotated[int, whole_number(1, 4096)] = Field(
        default=500, description="checks of the pool that may be under way at once; the others wait for their turn"
    )
    skip_on_traffic: Annotated[bool, SWITCH] = Field(
        default=False, description="leave out a check of a usable backend while real traffic succeeds"
    )
    port: Annotated[int | None, whole_number(1, 65535).or_none()] = Field(
        default=None,
        description="another port to check",
        json_schema_extra={"default_text": "the backend's"},
    )
    address: Annotated[str | None, IP_ADDRESS.or_none()] = Field(
        default=None,
        description="another IP address to check",
        json_schema_extra={"default_text": "the backend's"},
    )
    send_proxy_protocol: Annotated[ProxyVersion, choice(ProxyVersion)] = Field(
        default=ProxyVersion.OFF,
        description="PROXY header that checks begin with, as connections of the proxy itself: `v1`, `v2`, `off`",
        json_schema_extra={"default_text": "the pool's"},
    )
    path: Annotated[str, text(r"/[!-~]{0,2047}", "a path that starts with / and has no spaces")] = Field(
        default_factory=_usual_path,
        description=f"path to request, for {_WITH_PATH}",
        json_schema_extra={"default_text": "`/` (`/socket.io/` for `socketio`)"},
    )
    host: Annotated[str | None, text(r"[!-~]{1,255}", "a host name, or host:port, without spaces").or_none()] = Field(
        default=None,
        description=f"Host header, for {_WITH_PATH}; authority for `grpc`",
        json_schema_extra={"default_text": "the address"},
    )
    headers: Annotated[Headers | None, HEADERS.or_none()] = Field(
        default=None,
        description=f"further headers, for {_WITH_PATH}, or metadata, for `grpc`: `Name: value` pairs with commas between "
        "them, values with a comma in quotes; in YAML also a mapping; values are never shown",
    )
    expect_status: Annotated[StatusRanges, STATUSES] = Field(
        default=StatusRanges(((200, 399),)), description="HTTP statuses that count as success, for `http` and `https`"
    )
    verify: Annotated[bool, SWITCH] = Field(
        default=True,
        description="whether the certificate must be valid, for `tls` and `https`",
        json_schema_extra={"default_text": "`true`"},
    )
    server_name: Annotated[str | None, SERVER_NAME.or_none()] = Field(
        default=None,
        description="name to ask for (SNI) and to verify, for `tls` and `https`",
        json_schema_extra={"default_text": "the backend's host"},
    )
    ca_file: Annotated[str | None, CA_FILE.or_none()] = Field(
        default=None,
        description="file of the certificates to trust (PEM), for `tls` and `https`; read at start",
        json_schema_extra={"default_text": "the system's"},
    )
    send: Annotated[bytes | None, escaped_bytes(4096).or_none()] = Field(
        default=None, description=r"what `send_expect` sends, with the escapes `\r \n \t \\ \xHH`"
    )
    expect: Annotated[bytes | None, escaped_bytes(1024).or_none()] = Field(
        default=None, description="text that the answer to `send_expect` must contain within 16 KiB, with the same escapes"
    )
    expect_regex: Annotated[str | None, EXPRESSION.or_none()] = Field(
        default=None, description="regular expression that the answer must match somewhere, instead of `EXPECT`"
    )
    user: Annotated[str | None, text(r"[!-~]{1,128}", "a user name without spaces").or_none()] = Field(
        default=None,
        description="user that the password belongs to, for `redis`; user name of the login, for `postgres` and `mysql`",
        json_schema_extra={"default_text": "none (`postgres` for `postgres`, `tidegate` for `mysql`)"},
    )
    password: Annotated[Secret | None, PASSWORD.or_none()] = Field(default=None, description="password, for `redis`")
    service: Annotated[str | None, text(r"[!-~]{1,255}", "the name of a gRPC service").or_none()] = Field(
        default=None,
        description="service to ask for, for `grpc`",
        json_schema_extra={"default_text": "the whole server"},
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

    @field_validator(*_KINDS_WITH)
    @classmethod
    def _fits_the_kind(cls, value: object, info: ValidationInfo) -> object:
        kind, name = info.data.get("type"), str(info.field_name)
        if kind is not None and kind not in _KINDS_WITH[name] and value not in (None, True):
            listed = " and ".join(_KINDS_WITH[name])
            raise ValueError(f"checks of type {kind} have no {name}: expected it only with {listed}")
        return value

    @field_validator("ca_file")
    @classmethod
    def _is_used(cls, ca_file: str | None, info: ValidationInfo) -> str | None:
        if ca_file is not None and info.data.get("verify") is False:
            raise ValueError("nothing is verified: expected verify true, or no ca_file")
        return ca_file

    @field_validator("expect_regex")
    @classmethod
    def _one_expectation(cls, expression: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("type") is HealthType.SEND_EXPECT and "expect" in info.data:
            if expression is None and info.data["expect"] is None:
                raise ValueError("send_expect has nothing to expect: give expect or expect_regex")
            if expression is not None and info.data["expect"] is not None:
                raise ValueError("expect is given, too: expected only one of expect and expect_regex")
        return expression

    @field_validator("password")
    @classmethod
    def _user_has_password(cls, password: Secret | None, info: ValidationInfo) -> Secret | None:
        if password is None and info.data.get("type") is HealthType.REDIS and info.data.get("user"):
            raise ValueError("a user without a password: expected the password, too")
        return password

    @field_validator("fast_interval")
    @classmethod
    def _not_slower(cls, fast: float, info: ValidationInfo) -> float:
        interval = info.data.get("interval", fast)
        if fast > interval:
            raise ValueError(f"longer than the interval: expected at most {format_duration(interval)}")
        return fast

    @field_validator("fast_interval", "down_interval")
    @classmethod
    def _at_least_timeout(cls, interval: float, info: ValidationInfo) -> float:
        timeout = info.data.get("timeout", interval)
        if interval < timeout:
            raise ValueError(f"shorter than the timeout: expected at least {format_duration(timeout)}")
        return interval
