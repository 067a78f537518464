"""Structured logs of the control process: one JSON object per line, or text for a terminal, on the shared log stream."""

import logging
import os

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from tidegate.link.log_stream import LogStream

STANDARD_OUTPUT = 1
FLUSH_LIMIT_SECONDS = 0.5


class ControlLog:
    """Where structlog writes to. Control logs little, so each line is written at once when the reader keeps up."""

    def __init__(self, stream: LogStream) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write one line."""
        self._stream.write(line.encode(errors="replace") + b"\n")
        self._stream.flush()

    debug = info = warning = error = critical = msg

    def flush(self) -> None:
        """Write lines that a slow reader has left waiting."""
        self._stream.flush()

    @property
    def dropped(self) -> int:
        """Lines dropped because they were not read in time."""
        return self._stream.dropped

    def drain(self) -> None:
        """Write what is left, at the end of the process."""
        self._stream.drain(FLUSH_LIMIT_SECONDS)


def configure(level: str, *, console: bool) -> ControlLog:
    """Set up structlog and route the standard library's warnings into it."""
    output = ControlLog(LogStream(STANDARD_OUTPUT))
    shared: list[Processor] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=os.isatty(STANDARD_OUTPUT), pad_event_to=0)
        if console
        else structlog.processors.JSONRenderer(serializer=_serialize)
    )
    structlog.configure(
        processors=[*shared, _order, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: output,
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_StandardLibrary()], level=logging.WARNING, force=True)
    return output


class _StandardLibrary(logging.Handler):
    """Libraries log through the standard library; their lines become ours."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno, "library_message", logger=record.name, message=record.getMessage(), exc_info=record.exc_info
        )


def _order(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
    first = {name: fields.pop(name) for name in ("timestamp", "level", "event")}
    return {**first, **fields}


def _serialize(fields: EventDict, **_options: object) -> str:
    return orjson.dumps(fields, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
