"""What `ps` and `top` show of a process."""

from contextlib import suppress
from pathlib import Path

_PROCESS = Path("/proc/self")
_ARG_START, _ARG_END = 47, 48  # of the fields in proc_pid_stat(5), counted from 0


def set_title(title: str) -> None:
    """Show a title in place of the command line, as far as that is long enough; nothing where the system has no such files.

    The library setproctitle does the same, and loads logging, which costs a worker 0.6 MB.
    """
    with suppress(OSError):
        name_and_rest = (_PROCESS / "stat").read_text().rpartition(")")
        start, end = (int(name_and_rest[2].split()[field - 2]) for field in (_ARG_START, _ARG_END))
        with (_PROCESS / "mem").open("r+b", buffering=0) as memory:
            memory.seek(start)
            memory.write(title.encode()[: end - start - 1].ljust(end - start, b"\0"))
        (_PROCESS / "comm").write_text(title)
