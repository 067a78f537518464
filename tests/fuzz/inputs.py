"""Where inputs are: the kept ones, under version control, and the work folder of the fuzzer, which is not."""

from hashlib import sha1
from pathlib import Path

from tests.fuzz.registry import load
from tests.fuzz.selection import edges_of, worth_keeping

KEPT = Path(__file__).with_name("corpus")
WORK = Path(__file__).parents[2] / ".fuzz"
MOST_KEPT = 20
LONGEST_KEPT = 1024
"""The most kept inputs of a target, seeds included, and the most bytes of one that a fuzzer has found."""


def kept(name: str) -> list[Path]:
    """The kept inputs of a target."""
    return sorted((KEPT / name).iterdir())


def found(name: str) -> Path:
    """The folder of the inputs that a fuzzer has found for a target."""
    return _folder(WORK / name / "found")


def crashes(name: str) -> Path:
    """The folder of the inputs that have made a target fail."""
    return _folder(WORK / name / "crashes")


def keep(name: str) -> list[Path]:
    """Copy the found inputs that add the most to the kept ones, named by their hashes, and return the copies."""
    target = load(name).target
    known = [edges_of(target, path.read_bytes()) for path in kept(name)]
    short = sorted((data for data in map(Path.read_bytes, found(name).iterdir()) if len(data) <= LONGEST_KEPT), key=len)
    by_name = {sha1(data, usedforsecurity=False).hexdigest()[:12]: data for data in short}
    edges = {hashed: edges_of(target, data) for hashed, data in by_name.items()}
    chosen = worth_keeping(known, edges, MOST_KEPT - len(known))
    for hashed in chosen:
        (KEPT / name / hashed).write_bytes(by_name[hashed])
    return [KEPT / name / hashed for hashed in chosen]


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
