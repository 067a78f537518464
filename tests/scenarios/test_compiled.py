"""What is shipped is compiled, and so must be what the scenarios run."""

import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.backends import echo, running_backend
from tests.support.compiled import COMPILED, runs_compiled
from tests.support.proxy import running_proxy

pytestmark = pytest.mark.skipif(not COMPILED, reason="make test-scenarios and make test-splice run what is compiled")

ROOT = Path(__file__).parents[2]
HOOK = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["mypyc"]


async def test_a_worker_runs_the_compiled_data_plane() -> None:
    async with running_backend(echo) as backend, running_proxy(BACKENDS=backend.name) as proxy:
        (worker,) = await proxy.worker_pids()
        assert runs_compiled(maps(worker))


def maps(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


def test_each_module_of_it_is_compiled() -> None:
    found = [sorted(ROOT.glob(pattern)) for pattern in HOOK["include"]]
    assert all(found)
    files = [file.relative_to(ROOT / "app") for files in found for file in files if not excluded(file)]
    names = [".".join(file.with_suffix("").parts) for file in files] + ["tidegate.dataplane.wire.native"]
    specs = [find_spec(name) for name in names]
    assert [spec and spec.name for spec in specs if not (spec and spec.origin and spec.origin.endswith(".so"))] == []


def excluded(file: Path) -> bool:
    return file.name in HOOK["exclude"] or any(file.is_relative_to(ROOT / folder) for folder in HOOK["exclude"])
