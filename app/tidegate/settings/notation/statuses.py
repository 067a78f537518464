"""Ranges of HTTP statuses that a health check accepts, written like `200-399` or `200,204,300-399`."""

import re
from typing import NamedTuple, Self

_PART = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")


class StatusRanges(NamedTuple):
    """Inclusive ranges of HTTP statuses, in the written order."""

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read `200`, `200-399` or a comma list of both; raises ValueError."""
        if isinstance(value, int) and 100 <= value <= 599:
            return cls(((value, value),))
        if not isinstance(value, str) or value.count(",") >= _MOST_RANGES:
            raise ValueError(_EXPECTED)
        return cls(tuple(_range(part.strip()) for part in value.split(",")))

    def allows(self, status: int) -> bool:
        """Whether the status is in one of the ranges."""
        return any(low <= status <= high for low, high in self.ranges)

    def __str__(self) -> str:
        return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in self.ranges)


_MOST_RANGES = 100
_EXPECTED = "expected statuses from 100 to 599, like 200-399 or 200,204,300-399"


def _range(part: str) -> tuple[int, int]:
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError(_EXPECTED)
    low, high = int(match[1]), int(match[2] or match[1])
    if low > high:
        raise ValueError(f"the range {part} ends before it begins: expected {high}-{low}")
    return low, high
