"""What is shipped is compiled, and so must be what the scenarios run."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.backends import echo, running_backend
from tests.support.compiled import COMPILED, runs_compiled
from tests.support.proxy import running_proxy

pytestmark = pytest.mark.skipif(not COMPILED, reason="make test-scenarios and make test-splice run what is compiled")

ROOT = Path(__file__).parents[2]
FILES = [file for folder in ("dataplane", "core/balance") for file in (ROOT / "app" / folder).glob("[!_]*.py")]


async def test_a_worker_runs_the_compiled_data_plane() -> None:
    async with running_backend(echo) as backend, running_proxy(BACKENDS=backend.name) as proxy:
        (worker,) = await proxy.worker_pids()
        assert runs_compiled(maps(worker))


def maps(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_module_of_it_is_compiled(file: Path) -> None:
    spec = find_spec(".".join(file.relative_to(ROOT).with_suffix("").parts))
    assert spec is not None
    assert spec.origin is not None
    assert spec.origin.endswith(".so")
