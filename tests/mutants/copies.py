"""A copy of the working tree, in which mutants are planted and tested."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutants.mutant import Mutant

LONGEST = 600.0  # seconds that tests may take; a single one may take at most 60

_moments = count(10**9)  # of changes, a second apart: Python would take a compiled file of the same second for the mutant's


class Copy:
    """A copy in a folder that the caller removes. It takes one mutant at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sound: set[str] = set()

    def catches(self, mutant: Mutant, tests: str) -> bool:
        """Whether these tests fail with the mutant, or do not end. RuntimeError if they fail without it, too."""
        if tests not in self._sound and not self._passes(tests) and not self._passes(tests):
            raise RuntimeError(f"{tests} fails without a mutant")
        self._sound.add(tests)
        with self._planted(mutant):
            return not self._passes(tests)

    @contextmanager
    def _planted(self, mutant: Mutant) -> Iterator[None]:
        original = (self._folder / mutant.file).read_text()
        self._write(mutant.file, mutant.planted_in(original))
        try:
            yield
        finally:
            self._write(mutant.file, original)

    def _write(self, file: str, source: str) -> None:
        path = self._folder / file
        path.write_text(source)
        moment = next(_moments)
        os.utime(path, (moment, moment))

    def _passes(self, tests: str) -> bool:
        shutil.rmtree(self._folder / ".hypothesis", ignore_errors=True)  # examples that earlier mutants have failed with
        options = ["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=1", "--timeout=60"]
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, *tests.split()],
            cwd=self._folder,
            env=os.environ | {"PYTHONPATH": f"{self._folder / 'app'}:{self._folder}", "PYTHONSAFEPATH": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return process.wait(LONGEST) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # and all that they have started
            process.wait()


@contextmanager
def copy_of_tree() -> Iterator[Copy]:
    """What git knows or would add, in a temporary folder."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], check=True, stdout=subprocess.PIPE
    )
    with TemporaryDirectory(prefix="tidegate-mutants-") as folder:
        for name in listed.stdout.decode().split("\0"):
            if Path(name).is_file():
                (path := Path(folder, name)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(name, path)
        yield Copy(Path(folder))
