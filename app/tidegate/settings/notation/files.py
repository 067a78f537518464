"""Files that settings name: read once, with a bound."""

import stat
from pathlib import Path

from tidegate.settings.notation.units import format_size


def content_of(name: str, largest: int, expected: str) -> bytes:
    """Return the bytes of a regular file of at most `largest` bytes.

    Raises ValueError that says what is wrong; `expected` says what the file should hold.
    """
    path = Path(name)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError(f"not a regular file: expected a file of {expected}")
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from None
    if len(content) > largest:
        raise ValueError(f"too large: expected at most {format_size(largest)} of {expected}")
    return content
