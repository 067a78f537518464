"""How much memory a process takes."""

import re
from pathlib import Path


def proportional_set_size(pid: int) -> float:
    """Bytes, with what is shared with other processes divided among them."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    found = re.search(r"^Pss: +(\d+) kB", text, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024
