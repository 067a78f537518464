"""The notation of Unix sockets: `unix:` and the path of the socket's file. It stands where an IP address may stand.

A client that has connected to one has no address of its own, and is called `unix:`.
"""

from posixpath import normpath
from typing import Final

UNIX: Final = "unix:"
LONGEST_PATH: Final = 107  # bytes; `sun_path` in unix(7), without the zero at its end
EXPECTED: Final = "expected unix: and the path of a socket, like unix:/run/app.sock"
_MEANS_SOMETHING: Final = frozenset(" ,;#%\\'\"")


def is_unix(host: str) -> bool:
    """Whether this stands for a Unix socket, or for a client at one."""
    return host.startswith(UNIX)


def path_of(host: str) -> str:
    """The path of the socket's file."""
    return host.removeprefix(UNIX)


def parse_unix_socket(text: str) -> str:
    """Read `unix:/run/app.sock` and return it unchanged. Raises ValueError that says what would be right.

    A path has one notation, so that the same name cannot pass for two. It has none of the characters that mean
    something in lists, files and quotes.
    """
    path = path_of(text)
    if not text.startswith("unix:/"):
        raise ValueError(EXPECTED)
    if not path.isprintable() or not _MEANS_SOMETHING.isdisjoint(path):
        raise ValueError("the path of a Unix socket has no spaces and quotes, and none of , ; # % \\")
    if path != normpath(path) or path == "/" or path.startswith("//"):
        raise ValueError(f"{path!r} is not the shortest notation of a file's path: expected one like /run/app.sock")
    if len(path.encode()) > LONGEST_PATH:
        raise ValueError(f"the path of a Unix socket has at most {LONGEST_PATH} bytes")
    return text
