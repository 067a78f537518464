"""What can be said about the image without building it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.ship.containers import ROOT

PROGRAMS = Path(sys.executable).parent


@pytest.mark.parametrize("file", ["Dockerfile", "deploy/examples/socketio/Dockerfile"])
def test_hadolint_finds_nothing(file: str) -> None:
    found = subprocess.run([PROGRAMS / "hadolint", ROOT / file], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


@pytest.mark.parametrize(
    "script", sorted(ROOT.glob("deploy/*.sh")) + sorted(ROOT.glob("tests/ship/*.sh")), ids=lambda path: path.name
)
def test_scripts_are_portable_shell(script: Path) -> None:
    assert script.read_text().startswith("#!/bin/sh\n")
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0


def test_only_what_the_dockerfile_copies_reaches_a_build() -> None:
    """What is not sent cannot end up in an image: no repository, no tests, no settings of whoever builds."""
    copied = {
        word
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    allowed = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == allowed
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"


def test_no_interpreter_is_named_by_its_path() -> None:
    """Bases have it in different places."""
    assert "/bin/python" not in (ROOT / "Dockerfile").read_text().replace("/opt/build/bin/", "").replace(
        "/opt/tidegate/bin", ""
    )
