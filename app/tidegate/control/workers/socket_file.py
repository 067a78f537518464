"""The file of a Unix socket: made with its permissions, removed again, and told apart from one that was left behind."""

import os
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from errno import EADDRINUSE, EAGAIN, ECONNREFUSED, EEXIST
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class SocketFile:
    """The file of a socket that this process has bound, recognized by its device and inode."""

    path: Path
    identity: tuple[int, int]

    @classmethod
    def bind(cls, sock: socket.socket, path: str, mode: int) -> Self:
        """Bind a socket here; its file has this mode from the beginning. Raises OSError.

        A socket that nobody listens on any more is removed first: a process that was killed, or whose container has started
        again, leaves it behind. Nothing else is ever removed.
        """
        _remove_if_left_behind(Path(path))
        before = os.umask(0o777 & ~mode)  # control has one thread that makes files
        try:
            sock.bind(path)
        finally:
            os.umask(before)
        return cls(Path(path), _identity(Path(path).lstat()))

    def remove(self) -> None:
        """Remove it, unless another process has put its own there since."""
        with suppress(OSError):
            if _identity(self.path.lstat()) == self.identity:
                self.path.unlink()


def _remove_if_left_behind(path: Path) -> None:
    """Raises OSError when a process listens there, or when it is no socket."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise OSError(EEXIST, "there is a file that is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        error = probe.connect_ex(str(path))
    if error in {0, EAGAIN}:  # its queue may be full
        raise OSError(EADDRINUSE, os.strerror(EADDRINUSE))
    if error != ECONNREFUSED:
        raise OSError(error, os.strerror(error))
    path.unlink()


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
