"""The words that settings are given in, and the name of a Service: values for who only uses settings, without pydantic."""

from enum import StrEnum
from typing import NamedTuple


class LogLevel(StrEnum):
    """The least important events that are logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How log lines look: one JSON object each, or coloured text for people."""

    JSON = "json"
    CONSOLE = "console"


class Balance(StrEnum):
    """How the backend of a new connection is chosen."""

    ROUND_ROBIN = "round_robin"
    LEAST_CONNECTIONS = "least_connections"
    LEAST_LATENCY = "least_latency"
    RANDOM_TWO = "random_two"
    FIRST = "first"
    SOURCE_HASH = "source_hash"


class WhenAllDown(StrEnum):
    """Whether a client is reset while no backend is up, or all backends are tried."""

    CLOSE = "close"
    TRY_ALL = "try_all"


class LiveSessions(StrEnum):
    """What becomes of the live sessions of a backend that gets no new ones any more."""

    KEEP = "keep"
    CLOSE = "close"


class RebalanceMode(StrEnum):
    """Whether live sessions are moved when a pool has grown; `dry_run` only counts what would be closed."""

    OFF = "off"
    DRY_RUN = "dry_run"
    ON = "on"


class HealthType(StrEnum):
    """What a probe does after it has connected; `none` does not probe at all."""

    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"
    HTTPS = "https"
    WEBSOCKET = "websocket"
    SOCKETIO = "socketio"
    SEND_EXPECT = "send_expect"
    GRPC = "grpc"
    REDIS = "redis"
    POSTGRES = "postgres"
    MYSQL = "mysql"
    SMTP = "smtp"
    POP3 = "pop3"
    IMAP = "imap"
    NONE = "none"

    @property
    def reads_answer(self) -> bool:
        """Whether a success means that the backend has answered, instead of only accepting a connection."""
        return self.value not in {"tcp", "tls", "none"}


class Initial(StrEnum):
    """What a backend is before its first probe: not used, or trusted until its probes say otherwise."""

    CHECKING = "checking"
    UP = "up"


class RecordType(StrEnum):
    """Which records name the backends."""

    AUTO = "auto"
    A = "a"
    AAAA = "aaaa"
    SRV = "srv"


class KubernetesApi(StrEnum):
    """Which objects say where the endpoints are."""

    ENDPOINTSLICES = "endpointslices"
    ENDPOINTS = "endpoints"


class ServiceName(NamedTuple):
    """The name of a Service and its namespace."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
