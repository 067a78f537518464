"""Parses and formats durations and sizes, like `500ms` and `64KiB`."""

import re

DURATION = r"([0-9]{1,12}(?:\.[0-9]{1,9})?)(ms|s|m|h)?"
SIZE = r"([0-9]{1,15})(B|KiB|MiB|GiB)?"

_DURATION = re.compile(DURATION)
_SIZE = re.compile(SIZE)
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_BYTES = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "B": 1}
_LARGEST = 10**15

DURATION_EXAMPLES = "500ms, 3s, 5m, 1h or a number of seconds"
SIZE_EXAMPLES = "64KiB, 1MiB or a number of bytes"


def parse_duration(value: object) -> float:
    """Return the seconds (to the microsecond) of `500ms`, `3s`, `5m`, `1h` or a plain number; raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
        return abs(round(float(value), 6))
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"expected a duration like {DURATION_EXAMPLES}")
    return round(float(match[1]) * _SECONDS[match[2] or "s"], 6)


def format_duration(seconds: float) -> str:
    """Return the shortest text in one unit that `parse_duration` reads as the same number of seconds."""
    for unit, length in _SECONDS.items():
        count = round(seconds / length)
        if count and round(count * length, 6) == seconds:
            return f"{count}{unit}"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def is_bare_number(duration: object) -> bool:
    """Whether a duration, valid for `parse_duration`, has no unit."""
    match = _DURATION.fullmatch(duration.strip()) if isinstance(duration, str) else None
    return match is None or match[2] is None


def in_words(seconds: float) -> str:
    """Return a duration rounded to whole minutes or hours, like `50 minutes` or `about 17 minutes`."""
    unit, length = ("hours", 3600) if seconds >= 2 * 3600 else ("minutes", 60)
    return f"{'about ' if seconds % length else ''}{round(seconds / length)} {unit}"


def parse_size(value: object) -> int:
    """Return the bytes of `64KiB`, `1MiB`, `1GiB` or a number of bytes; raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"expected a size like {SIZE_EXAMPLES}")
    return int(match[1]) * _BYTES[match[2] or "B"]


def format_size(count: int) -> str:
    """Return the bytes as text in the largest unit that divides them; plain bytes have no unit."""
    for unit, length in _BYTES.items():
        if count >= length > 1 and count % length == 0:
            return f"{count // length}{unit}"
    return str(count)
