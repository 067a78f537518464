"""What a run was measured on, and with which versions."""

import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.network import SYSTEM
from tidegate import __version__
from tidegate.dataplane import wire, worker

CONGESTION = "congestion control"
DATA_PLANE = "data plane"
COMPILED = "compiled"


def machine() -> dict[str, Any]:
    """Each fact with its name."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": cpu[1] if cpu else platform.machine(),
        "cores": len(re.findall(r"^processor\s*:", Path("/proc/cpuinfo").read_text(), re.MULTILINE)),
        "kernel": platform.release().partition("-")[0],
        CONGESTION: SYSTEM,
        "python": platform.python_version(),
        "tidegate": __version__,
        DATA_PLANE: COMPILED if _is_compiled() else "interpreted",
        "nginx": _version(["nginx", "-v"], r"nginx/(\S+)"),
        "haproxy": _version(["haproxy", "-v"], r"version (\S+)"),
    }


def _is_compiled() -> bool:
    return worker.__file__.endswith(".so") and wire.Loop.__module__.endswith(".native")


def _version(command: list[str], pattern: str) -> str:
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, output.stdout + output.stderr)
    return found[1] if found else "unknown"
