"""The wheel: what it brings into an environment."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_beside_an_application_whose_package_is_called_app_both_can_be_imported(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    packages = tmp_path / "packages"
    zipfile.ZipFile(wheel).extractall(packages)
    assert {entry.name.partition("-")[0] for entry in packages.iterdir()} == {"tidegate"}
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("NAME = 'of the application'\n")
    program = "import app.main, tidegate; print(app.main.NAME, tidegate.__file__)"
    variables = os.environ | {"PYTHONPATH": str(packages)}
    imported = subprocess.check_output([sys.executable, "-c", program], cwd=tmp_path, env=variables, text=True)
    assert imported == f"of the application {packages}/tidegate/__init__.py\n"


@pytest.mark.skipif(
    not (shutil.which("musl-gcc") and find_spec("Cython")), reason="make ship has both: musl-tools and cython"
)
def test_the_native_wire_needs_nothing_of_the_c_library_that_musl_does_not_have(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "app" / "tidegate", tmp_path / "tidegate")
    source = "tidegate/dataplane/wire/native.pyx"
    subprocess.run([sys.executable, "-m", "cython", "-3", source, "-o", "native.c"], cwd=tmp_path, check=True)
    headers = sysconfig.get_path("include")
    strict = ["-Wall", "-Werror", "-fPIC", "-shared", "-O1"]
    subprocess.run(["musl-gcc", *strict, f"-I{headers}", "native.c", "-o", "native.so"], cwd=tmp_path, check=True)
    (loader,) = Path("/lib").glob("ld-musl-*.so.1")
    listed = subprocess.run([loader, "--list", "./native.so"], cwd=tmp_path, capture_output=True, text=True, check=False)
    missing = re.findall(r"(\w+): symbol not found", listed.stderr + listed.stdout)
    assert missing, "Python's functions come from the interpreter"
    assert [name for name in missing if not re.match("_?Py", name)] == []
