"""The content of a settings file, independent of its syntax, and the error for a file that cannot be parsed."""

from dataclasses import dataclass, field

from tidegate.settings.reading.names import Path


class DocumentError(Exception):
    """A text is not a valid settings file; `line` says where, the message what is wrong."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass
class Document:
    """A mapping, with the line of each key. A value is a text, a list, a mapping, or None when it is empty.

    Numbers and booleans stay the written text, so that a value means the same here and in a variable.
    """

    values: dict[str, object] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
