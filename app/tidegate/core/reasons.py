"""Why sessions, dials and connections end: the closed lists of words in logs and metric labels."""

from enum import StrEnum
from errno import (
    EADDRNOTAVAIL,
    ECONNABORTED,
    ECONNREFUSED,
    ECONNRESET,
    EHOSTDOWN,
    EHOSTUNREACH,
    EMFILE,
    ENETDOWN,
    ENETUNREACH,
    ENFILE,
    ENOBUFS,
    ENOENT,
    ENOMEM,
    EPIPE,
    ETIMEDOUT,
)


class CloseReason(StrEnum):
    """Why a session ended; every session has exactly one. The order is the order of cells on the stats board."""

    CLIENT_EOF = "client_eof"
    BACKEND_EOF = "backend_eof"
    CLIENT_RESET = "client_reset"
    BACKEND_RESET = "backend_reset"
    IDLE_TIMEOUT = "idle_timeout"
    MAX_DURATION = "max_duration"
    CONNECT_FAILED = "connect_failed"
    NO_BACKEND = "no_backend"
    REJECTED = "rejected"
    BACKEND_DOWN = "backend_down"
    BACKEND_REMOVED = "backend_removed"
    DRAIN = "drain"
    REBALANCE = "rebalance"
    WORKER_LOST = "worker_lost"
    ERROR = "error"

    __hash__ = str.__hash__  # Enum's is a Python function, and each session looks its reason up three times


CLEAN_ENDS = frozenset({CloseReason.CLIENT_EOF, CloseReason.BACKEND_EOF})
"""Ends after which every byte has been passed on. Any other end must look like a reset to both peers."""

BACKEND_ENDS = frozenset({CloseReason.BACKEND_EOF, CloseReason.BACKEND_RESET})
"""Ends caused by the backend."""


class ConnectFailure(StrEnum):
    """Why a dial failed."""

    REFUSED = "refused"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    RESET = "reset"
    NO_LOCAL_PORT = "no_local_port"
    OTHER = "other"


class RejectReason(StrEnum):
    """Why a client was rejected before a dial. The order is the order of cells on the stats board."""

    NO_BACKEND = "no_backend"
    DENIED = "denied"
    NO_ROUTE = "no_route"
    PREFACE_TIMEOUT = "preface_timeout"
    PREFACE_INVALID = "preface_invalid"
    MAX_CONNECTIONS = "max_connections"
    MAX_CONNECTIONS_PER_CLIENT = "max_connections_per_client"
    ACCEPT_RATE_PER_CLIENT = "accept_rate_per_client"
    BACKENDS_FULL = "backends_full"
    QUEUE_FULL = "queue_full"
    QUEUE_TIMEOUT = "queue_timeout"
    CLIENT_GONE = "client_gone"


NO_RESOURCES = frozenset({EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL})
"""Errors caused by this system (its descriptors, memory or local ports), not by the peer."""

_BY_ERRNO = {
    ECONNREFUSED: ConnectFailure.REFUSED,
    ENOENT: ConnectFailure.REFUSED,  # no Unix socket is there (yet)
    ETIMEDOUT: ConnectFailure.TIMEOUT,
    EHOSTUNREACH: ConnectFailure.UNREACHABLE,
    ENETUNREACH: ConnectFailure.UNREACHABLE,
    EHOSTDOWN: ConnectFailure.UNREACHABLE,
    ENETDOWN: ConnectFailure.UNREACHABLE,
    EADDRNOTAVAIL: ConnectFailure.NO_LOCAL_PORT,
    ECONNRESET: ConnectFailure.RESET,
    ECONNABORTED: ConnectFailure.RESET,
    EPIPE: ConnectFailure.RESET,
}


def connect_failure(errno: int) -> ConnectFailure:
    """The failure for an error number of `connect(2)`, after `precise_error` in link/own_addresses.py has refined it."""
    return _BY_ERRNO.get(errno, ConnectFailure.OTHER)
