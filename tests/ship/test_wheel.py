"""The wheel: what it brings into an environment."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

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
