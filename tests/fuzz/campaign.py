"""Fuzzes one target in a process of its own, within bounds, and reads what libFuzzer says about it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from tests.fuzz.inputs import KEPT, WORK, crashes, found
from tests.fuzz.registry import load

LONGEST_INPUT, LONGEST_RUN, MOST_MEMORY = 4096, 10, 1024
"""Bytes of an input, seconds for which one may run, and MiB of the process."""

_STATUS = re.compile(r"^#\d+\s.* cov: (\d+) .* corp: (\d+)/", re.MULTILINE)
_RUNS = re.compile(r"^stat::number_of_executed_units: (\d+)|^#(\d+)\s", re.MULTILINE)
_CRASH = re.compile(r"Test unit written to (\S+)")


class Result(NamedTuple):
    """What a campaign has shown. `crashes` are inputs; `log` is the file of all that the process said."""

    target: str
    runs: int
    seconds: float
    edges: int
    corpus: int
    crashes: list[Path]
    log: Path
    failed: bool


def fuzz(name: str, seconds: int) -> Result:
    """Fuzz for so many seconds, or until the first crash."""
    log = WORK / name / "log"
    own, artifacts = found(name), crashes(name)
    options = {
        "max_total_time": seconds,
        "max_len": LONGEST_INPUT,
        "timeout": LONGEST_RUN,
        "rss_limit_mb": MOST_MEMORY,
        "artifact_prefix": f"{artifacts}/",
        "print_final_stats": 1,
        **_dictionary(name),
    }
    command = [sys.executable, "-m", "tests.fuzz.fuzzing", name, str(own), str(KEPT / name)]
    command += [f"-{key}={value}" for key, value in options.items()]
    environment = os.environ | {"TMPDIR": str(_emptied(WORK / name / "files"))}
    with log.open("wb") as output:
        began = monotonic()
        ended = subprocess.run(command, env=environment, stdout=output, stderr=output, check=False)
    return read_log(name, log, monotonic() - began, failed=ended.returncode != 0)


def read_log(name: str, log: Path, seconds: float, *, failed: bool) -> Result:
    """The result that a log shows."""
    text = log.read_text(errors="replace")
    status = _STATUS.findall(text)
    edges, corpus = map(int, status[-1]) if status else (0, 0)
    runs = max((int(whole or part) for whole, part in _RUNS.findall(text)), default=0)
    return Result(name, runs, seconds, edges, corpus, [Path(path) for path in _CRASH.findall(text)], log, failed)


def _emptied(folder: Path) -> Path:
    """The folder of files that the target makes: libFuzzer ends the process without removing them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _dictionary(name: str) -> dict[str, Path]:
    """The option that names a file of the words of a target, as libFuzzer reads it. None if it has no words."""
    path = WORK / name / "dictionary"
    lines = ['"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in load(name).words]
    path.write_text("".join(lines))
    return {"dict": path} if lines else {}
