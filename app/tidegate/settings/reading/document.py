"""What a settings file says, whatever its syntax, and the error that it does not say anything."""

from dataclasses import dataclass, field

from tidegate.settings.reading.names import Path


class DocumentError(Exception):
    """A text that is not a document for us; has the line and what is wrong."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass
class Document:
    """A mapping, where every value is text as it was written, a list, a mapping, or None for nothing.

    Numbers and booleans stay the text that was written, so that a value means the same here and in a variable.
    """

    values: dict[str, object] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
