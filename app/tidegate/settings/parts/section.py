"""The base class of all sections of the settings, and lists written with commas."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A frozen part of the settings. Refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True)


def split_list(text: str, separator: str = ",") -> list[str]:
    """Return the items of a comma list, stripped, without empty ones (so a trailing comma is fine)."""
    return [item.strip() for item in text.split(separator) if item.strip()]


def items_of(value: object, most: int) -> list[object]:
    """Return the items of a comma list or of a list; raises ValueError for anything else and for more than `most`."""
    if not isinstance(value, str | list | tuple):
        raise ValueError("expected a comma list or a list")
    items: list[object] = [*split_list(value)] if isinstance(value, str) else [*value]
    if len(items) > most:
        raise ValueError(f"expected at most {most} items, not {len(items)}")
    return items
