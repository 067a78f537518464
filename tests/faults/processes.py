"""What the processes of a proxy hold: descriptors by kind, and memory."""

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SPARE = {"/": "/dev/null"}  # what libuv keeps for the time when there is no other, after it was needed and before


@dataclass(frozen=True)
class Holdings:
    """Of one process: descriptors by kind, resident memory in bytes."""

    descriptors: Counter[str]
    memory: int


def holdings(pid: int) -> Holdings:
    """What a process holds now."""
    kinds: Counter[str] = Counter()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            kind = re.sub(r"\d+", "", str(entry.readlink()))
            kinds[SPARE.get(kind, kind)] += 1
    return Holdings(kinds, _resident(pid))


def _resident(pid: int) -> int:
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return int(found[1]) * 1024


def children(pid: int) -> list[int]:
    """The children of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def runs(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    return False
