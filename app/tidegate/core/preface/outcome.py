"""What a reader of first bytes returns when it has no facts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Incomplete:
    """The bytes may become what the reader is about. There are no facts before there are `needed` of them in all."""

    needed: int


@dataclass(frozen=True, slots=True)
class NotThis:
    """The client speaks another protocol."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """The client speaks this protocol and breaks its rules. The reason is a short line without any bytes of the client."""

    reason: str


NOT_THIS = NotThis()


class MalformedError(ValueError):
    """Raised by the parts of a reader, which returns `Malformed` with this reason."""
