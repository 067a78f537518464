"""Beginnings of a stream that are read before the whole, as they grow."""


def cuts_of(data: bytes, most: int = 16) -> list[int]:
    """So many places at most: every one of a short stream, else some at the beginning, some all over it, and the last."""
    length = len(data)
    if length <= most:
        return list(range(length))
    third = most // 3
    return sorted({*range(third), *range(0, length, length // third + 1), *range(length - third, length)})
