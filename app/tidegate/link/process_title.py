"""What `ps` and `top` show of a process."""

from contextlib import suppress
from pathlib import Path

_PROCESS = Path("/proc/self")
_ARG_START, _ARG_END = 45, 46  # the 48th and 49th field in proc_pid_stat(5), counted from the third, behind the name


def set_title(title: str, name: str) -> None:
    """Show a title in place of the command line, and a name of at most 15 bytes where only that is shown.

    A title that is longer than the command line is cut. Without effect where the system does not let us write there. The
    library setproctitle does the same, and loads logging, which costs a worker 0.6 MB.
    """
    with suppress(OSError):
        (_PROCESS / "comm").write_text(name)
    with suppress(OSError):
        _, _, fields = (_PROCESS / "stat").read_text().rpartition(")")  # behind the name, which may have blanks in it
        start, end = (int(fields.split()[field]) for field in (_ARG_START, _ARG_END))
        with (_PROCESS / "mem").open("r+b", buffering=0) as memory:
            memory.seek(start)
            memory.write(title.encode()[: end - start - 1].ljust(end - start, b"\0"))
