"""The log of the control process: one JSON object per event and line, or text for a terminal, on the shared log stream."""

import logging
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from traceback import format_exception

import orjson

from tidegate.link.log_stream import LogStream

STANDARD_OUTPUT = 1
FLUSH_LIMIT_SECONDS = 0.5
COLOURS = {"debug": 32, "info": 32, "warning": 33, "error": 31, "critical": 31}  # as terminals number them

Fields = dict[str, object]


class EventLog:
    """Takes events and hands them to `sink` as fields, those above `least`, a level of the standard library.

    The field `exc_info`, an exception, becomes the text `exception`. Until `configure` nothing is written.
    """

    def __init__(self) -> None:
        self.sink: Callable[[Fields], None] = _nowhere
        self.least = logging.DEBUG

    def debug(self, event: str, **fields: object) -> None:
        """Log an event at this level."""
        self.log(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        """Log an event at this level."""
        self.log(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Log an event at this level."""
        self.log(logging.WARNING, event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Log an event at this level."""
        self.log(logging.ERROR, event, fields)

    def log(self, level: int, event: str, fields: Mapping[str, object]) -> None:
        """Log an event at a level of the standard library."""
        if level < self.least:
            return
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        entry: Fields = {"timestamp": now, "level": logging.getLevelName(level).lower(), "event": event, **fields}
        error = entry.pop("exc_info", None)
        if isinstance(error, BaseException):
            entry["exception"] = "".join(format_exception(error)).rstrip("\n")
        self.sink(entry)


def _nowhere(_fields: Fields) -> None:
    pass


event_log = EventLog()
"""The log of this process."""


class ControlLog:
    """Where the events of control are written. Control logs little: each line is written at once if the reader keeps up."""

    def __init__(self, stream: LogStream) -> None:
        self._stream = stream

    def write(self, line: bytes) -> None:
        """Write one line, given without its end."""
        self._stream.write(line + b"\n")
        self._stream.flush()

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
    """Write events from this level on to standard output, and with them the warnings of the standard library."""
    output = ControlLog(LogStream(STANDARD_OUTPUT))
    in_colour = os.isatty(STANDARD_OUTPUT)
    event_log.least = logging.getLevelNamesMapping()[level.upper()]
    if console:
        event_log.sink = lambda fields: output.write(as_text(fields, in_colour=in_colour))
    else:
        event_log.sink = lambda fields: output.write(as_json(fields))
    logging.basicConfig(handlers=[_StandardLibrary()], level=logging.WARNING, force=True)
    return output


def as_json(fields: Fields) -> bytes:
    """An event as JSON on one line. Text that is not valid Unicode, as of odd file names, has marks in its place."""
    try:
        return orjson.dumps(fields, default=str, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        return orjson.dumps({name: _readable(str(value)) for name, value in fields.items()})


def as_text(fields: Fields, *, in_colour: bool) -> bytes:
    """An event as a line for people; a traceback follows on lines of its own."""
    rest = dict(fields)
    timestamp, level, event = (str(rest.pop(name)) for name in ("timestamp", "level", "event"))
    exception = rest.pop("exception", None)
    shown = f"\x1b[{COLOURS.get(level, 0)}m{level:<9}\x1b[0m" if in_colour else f"{level:<9}"
    words = [timestamp, f"[{shown}]", f"\x1b[1m{event}\x1b[0m" if in_colour else event]
    words += [f"{name}={_quoted(value)}" for name, value in rest.items()]
    return "\n".join([" ".join(words), *([str(exception)] if exception else [])]).encode(errors="replace")


def _quoted(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and text and " " not in text else repr(text)


def _readable(text: str) -> str:
    return text.encode(errors="replace").decode()


class _StandardLibrary(logging.Handler):
    """Libraries log through the standard library; their lines become ours."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        fields = {"logger": record.name, "message": record.getMessage(), "exc_info": error}
        event_log.log(record.levelno, "library_message", fields)
