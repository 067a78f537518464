"""Secrets in settings: texts that show a mask instead of themselves wherever they are written by mistake."""

from collections.abc import Iterator
from dataclasses import dataclass

MASK = "**********"


class Secret:
    """A text that only `reveal` shows. `str` and `repr` show a mask."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Never show it."""
        return self._text

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True)
class Headers:
    """Headers in the given order. Their `repr` hides the values."""

    fields: tuple[tuple[str, Secret], ...]

    def items(self) -> Iterator[tuple[str, str]]:
        """Names and real values. Never show the values."""
        return ((name, value.reveal()) for name, value in self.fields)

    def masked(self) -> dict[str, str]:
        """Names, each with a mask instead of its value."""
        return {name: MASK for name, _ in self.fields}
