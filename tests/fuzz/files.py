"""Files for readers that take a name: each is written anew for each input."""

import atexit
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory


def written(name: str, content: bytes) -> str:
    """The path of a file of this name with this content."""
    path = folder() / name
    path.write_bytes(content)
    return str(path)


@cache
def folder() -> Path:
    """A folder for such files, removed when the process ends."""
    made = TemporaryDirectory(prefix="fuzz-")
    atexit.register(made.cleanup)
    return Path(made.name)
