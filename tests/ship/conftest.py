"""The engine and the image that the tests of a container share. The image is built once."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.ship.containers import ROOT, Engine, find_engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return find_engine(tmp_path_factory.mktemp("engine"), os.environ)


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    """The name of the image, built of this tree."""
    built = subprocess.run(
        ["sh", "tests/ship/image.sh", engine.name],
        cwd=ROOT,
        env=dict(engine.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr[-4000:]
    return built.stdout.split()[-1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One that every user may read: containers run as nobody we know."""
    tmp_path.chmod(0o755)
    return tmp_path
