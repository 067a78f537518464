"""Reads the vectors of TLS: bytes with their length in front (RFC 8446, section 3.4)."""

from tidegate.core.preface.outcome import MalformedError


class Vectors:
    """Reads numbers and vectors one after the other. All raise MalformedError."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def more(self) -> bool:
        """Whether there are bytes left."""
        return self._position < len(self._data)

    def take(self, count: int) -> bytes:
        """The next bytes."""
        end = self._position + count
        if end > len(self._data):
            raise MalformedError("a ClientHello is shorter than its parts")
        taken = self._data[self._position : end]
        self._position = end
        return taken

    def number(self, size: int) -> int:
        """A number of so many bytes."""
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """The bytes of a vector whose length takes so many bytes."""
        return self.take(self.number(size))

    def end(self) -> None:
        """Nothing may be left."""
        if self.more():
            raise MalformedError("a ClientHello is longer than its parts")
