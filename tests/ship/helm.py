"""The real helm and kubectl, and what they make of the chart."""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.ship.chart_files import CHART

Manifest = dict[str, Any]
TOOLS = Path(sys.executable).parent
VALUES = Path(__file__).parent / "values"
VALUE_SETS = tuple(sorted(VALUES.glob("*.yaml")))
NAMESPACE = "edge"
OLDEST = "1.29.0"
LONGEST = 60
IN_A_HURRY = {**os.environ, "GOGC": "off"}
"""In a tenth of a second there is no garbage that is worth collecting."""


@cache
def run(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `helm` or `kubectl` says to these arguments; asked once."""
    command = [str(TOOLS / tool), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False, env=IN_A_HURRY)


def render(*values: Path | str, chart: Path = CHART, release: str = NAMESPACE, version: str = OLDEST) -> list[Manifest]:
    """The manifests for values: files, and texts like `kind=DaemonSet`."""
    return list(_rendered(values, chart, release, version))


@cache
def _rendered(values: tuple[Path | str, ...], chart: Path, release: str, version: str) -> tuple[Manifest, ...]:
    finished = _template(*values, chart=chart, release=release, version=version)
    assert finished.returncode == 0, finished.stderr
    return tuple(document for document in yaml.load_all(finished.stdout, yaml.CSafeLoader) if document)


def refusal(*values: Path | str, chart: Path = CHART, release: str = NAMESPACE) -> str:
    """What helm says about values that it refuses."""
    finished = _template(*values, chart=chart, release=release)
    assert finished.returncode != 0, f"these values are taken: {values}"
    return finished.stderr


def _template(
    *values: Path | str, chart: Path, release: str = "edge", version: str = OLDEST
) -> subprocess.CompletedProcess[str]:
    given = [part for value in values for part in (("-f", str(value)) if isinstance(value, Path) else ("--set", value))]
    return run("helm", "template", release, str(chart), "-n", NAMESPACE, "--kube-version", version, *given)


def value_set(name: str) -> Path:
    """The file of one set of values."""
    return VALUES / f"{name}.yaml"


def only(manifests: list[Manifest], kind: str, name: str = "") -> Manifest:
    """The one manifest of a kind, whose name ends so."""
    (found,) = [each for each in manifests if each["kind"] == kind and each["metadata"]["name"].endswith(name)]
    return found


def kinds(manifests: list[Manifest]) -> list[str]:
    """The kinds of the manifests, in order."""
    return sorted(manifest["kind"] for manifest in manifests)


def workload(manifests: list[Manifest]) -> Manifest:
    """The Deployment or DaemonSet."""
    (found,) = [each for each in manifests if each["kind"] in {"Deployment", "DaemonSet"}]
    return found


def pod_specs(manifests: list[Manifest]) -> list[Manifest]:
    """The specification of every pod that there would be."""
    templates = [each["spec"]["template"] for each in manifests if each["kind"] in {"Deployment", "DaemonSet"}]
    return [each["spec"] for each in (*templates, *(each for each in manifests if each["kind"] == "Pod"))]


def proxy(manifests: list[Manifest]) -> Manifest:
    """The container with Tidegate."""
    spec = workload(manifests)["spec"]["template"]["spec"]
    containers = [*spec["containers"], *spec.get("initContainers", ())]
    (found,) = [each for each in containers if "tidegate" in re.split(r"[/:@]", each["image"])]
    container: Manifest = found
    return container


def configuration(manifests: list[Manifest], name: str = "") -> Manifest:
    """The settings in the ConfigMap."""
    (text,) = [
        each["data"]["config.yaml"]
        for each in manifests
        if each["kind"] == "ConfigMap" and "config.yaml" in each["data"] and each["metadata"]["name"].endswith(name)
    ]
    settings: Manifest = yaml.safe_load(text)
    return settings
