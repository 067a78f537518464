"""The log line of a session that has ended, as JSON."""

from datetime import UTC, datetime

import orjson

from tidegate.core.address import join_address


def session_line(  # noqa: PLR0913, PLR0917  one call per session
    prefix: str,
    number: int,
    listener: str,
    pool: str,
    backend: str | None,
    host: str,
    port: int,
    sent: int,
    received: int,
    connect: int,
    duration: int,
    attempts: int,
    reason: str,
    rest: bytes,
) -> bytes:
    """The line, newline included.

    The session is called by `prefix` and `number`. `host` and `port` are of the client. `sent` and `received` are the bytes
    to the backend and from it. Times are in microseconds; `connect` is -1 for a session that was never connected. `rest` are
    the fields that few sessions have, as JSON already, each with a comma before it.
    """
    line = orjson.dumps(
        {
            "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            "level": "info",
            "event": "session_closed",
            "session": f"{prefix}-{number}",
            "listener": listener,
            "pool": pool,
            "backend": backend,
            "client": join_address(host, port),
            "sent_bytes": sent,
            "received_bytes": received,
            "connect_ms": None if connect < 0 else connect / 1000,
            "duration_ms": duration / 1000,
            "attempts": attempts,
            "reason": reason,
        }
    )
    return b"%b%b}\n" % (line[:-1], rest)
