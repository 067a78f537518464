"""What the control process carries with it: memory that each sidecar pays for."""

import subprocess
import sys
from pathlib import Path

from tests.support.proxy import running_proxy

TO_READ_SETTINGS = (
    "pydantic",
    "annotated_types",
    "yaml",
    "typer",
    "rich",
    "tidegate.settings.model",
    "tidegate.settings.parts",
)
FOR_FEW_POOLS = ("aiohttp", "kubernetes", "dns.", "h2", "regex", "tidegate.control.discovery.kubernetes")
MOST_MODULES = 390  # 376 on Python 3.11


def modules_after(importing: str) -> list[str]:
    """All modules that there are once these have been imported."""
    program = f"import sys, {importing}; print(*sys.modules, sep='\\n')"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()


def test_control_imports_nothing_that_only_reads_settings_or_that_few_pools_need() -> None:
    modules = modules_after("tidegate.control.serve")
    unneeded = (*TO_READ_SETTINGS, *FOR_FEW_POOLS, "tidegate.cli")
    assert [module for module in modules if module.startswith(unneeded)] == []
    assert len(modules) < MOST_MODULES


def test_a_pod_follows_its_own_cluster_without_the_kubernetes_package() -> None:
    modules = modules_after("tidegate.control.discovery.kubernetes.source")
    assert [module for module in modules if module.partition(".")[0] in ("kubernetes", "yaml", "pydantic")] == []


async def test_a_running_control_has_no_library_mapped_that_only_reads_settings() -> None:
    async with running_proxy(BACKENDS="127.0.0.1:1", HEALTH__TYPE="none") as proxy:
        libraries = mapped_libraries(proxy.process.pid)
    assert any("/orjson" in library for library in libraries)
    assert [library for library in libraries if "/pydantic" in library or "/yaml" in library] == []


def mapped_libraries(pid: int) -> set[str]:
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {line.split()[-1] for line in lines if ".so" in line}
