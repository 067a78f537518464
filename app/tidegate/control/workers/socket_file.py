"""The file of a Unix socket: made with its permissions, removed again, and told apart from one that was left behind."""

import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EADDRINUSE, ECONNREFUSED, EEXIST, EPROTOTYPE
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Final, Self

MOST_LOOKS: Final = 200  # at a lock
NEXT_LOOK: Final = 0.01  # seconds


@dataclass(frozen=True, slots=True)
class SocketFile:
    """The file of a socket that this process has bound, recognized by its device and inode."""

    path: Path
    identity: tuple[int, int]

    @classmethod
    def listen(cls, sock: socket.socket, path: str, mode: int, backlog: int) -> Self:
        """Bind a socket here, with this mode, and listen on it. Raises OSError and leaves no file of its own.

        A socket that nobody listens on any more is removed first: a process that was killed, or whose container has started
        again, leaves it behind. Nothing else is ever removed.
        """
        file = Path(path)
        with _locked(file.parent):  # or two that start together take the socket of the other one for left behind
            _remove_if_left_behind(file)
            os.fchmod(sock.fileno(), mode)  # the file gets this mode, less the process's mask
            sock.bind(path)
            made = cls(file, _identity(file.lstat()))
            try:
                file.chmod(mode)
                sock.listen(backlog)
            except BaseException:
                made.remove()
                raise
        return made

    def remove(self) -> None:
        """Remove it, unless another process has put its own there since."""
        with suppress(OSError):
            if _identity(self.path.lstat()) == self.identity:
                self.path.unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder. Raises OSError, also when another process has held it for seconds."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for look in range(MOST_LOOKS):
            try:
                flock(descriptor, LOCK_EX | LOCK_NB)
                break
            except BlockingIOError:
                if look == MOST_LOOKS - 1:
                    raise
                time.sleep(NEXT_LOOK)  # nothing runs yet that this could hold up
        yield
    finally:
        os.close(descriptor)


def _remove_if_left_behind(file: Path) -> None:
    """Raises OSError when a process has bound its socket there, or when it is no socket.

    A socket of another type may not connect to one that a process has, and the process does not notice.
    """
    try:
        found = file.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise OSError(EEXIST, "there is a file that is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as probe:
        error = probe.connect_ex(str(file))
    if error in {0, EPROTOTYPE}:
        raise OSError(EADDRINUSE, os.strerror(EADDRINUSE))
    if error != ECONNREFUSED:
        raise OSError(error, os.strerror(error))
    file.unlink()


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
