"""The workflows for GitHub, as far as they can be checked without it, and the script by which they package the chart."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.ship.containers import ROOT
from tidegate import __version__

PROGRAMS = Path(sys.executable).parent
FOLDER = ROOT / ".github/workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
NAMES = [file.name for file in WORKFLOWS]
LINES = "{extends: default, rules: {line-length: {max: 125}, document-start: disable}}"


def run(*command: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env=os.environ | environ, capture_output=True, text=True, check=False)


def test_zizmor_finds_nothing_even_when_it_is_pedantic() -> None:
    found = run(PROGRAMS / "zizmor", "--offline", "--persona", "pedantic", "--format", "plain", FOLDER)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    "check", [["yamllint", "--strict", "-d", LINES], ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"]]
)
def test_workflows_are_good_yaml_and_what_github_takes(check: list[str]) -> None:
    checked = run(PROGRAMS / check[0], *check[1:], *WORKFLOWS)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_actions_are_pinned_by_commit_and_the_same_everywhere_with_the_version_beside() -> None:
    used = re.findall(
        r"uses: ([^.\s@]\S*)@(\S+)  # (v\d+\.\d+\.\d+)$", "".join(map(Path.read_text, WORKFLOWS)), re.MULTILINE
    )
    assert len(used) == sum(file.read_text().count("uses: ") for file in WORKFLOWS) - 1, "all but the one of this repository"
    assert all(re.fullmatch(r"[0-9a-f]{40}", commit) for _, commit, _ in used)
    assert len(set(used)) == len({action for action, _, _ in used})


def test_the_outside_runs_what_we_run_and_builds_for_both_processors() -> None:
    ci, release = (yaml.safe_load((FOLDER / name).read_text()) for name in ("ci.yml", "release.yml"))
    assert "bash .ci/run" in ci["jobs"]["everything"]["steps"][-1]["run"]
    assert release["on"] == {"push": {"tags": ["v*"]}}
    assert release["jobs"]["image"]["needs"] == "ci"
    assert release["jobs"]["chart"]["needs"] == "image"
    for workflow in ci, release:
        build = next(step for step in workflow["jobs"]["image"]["steps"] if step.get("uses", "").startswith("docker/build"))
        assert build["with"]["platforms"] == "linux/amd64,linux/arm64"
        assert build["with"].get("push", False) is (workflow is release)


@pytest.mark.parametrize("name", NAMES)
def test_a_job_may_do_no_more_than_it_must(name: str) -> None:
    workflow = yaml.safe_load((FOLDER / name).read_text())
    assert workflow["permissions"] == {}
    for job, details in workflow["jobs"].items():
        publishes = name == "release.yml" and job in ("image", "chart")
        assert details["permissions"] == {"contents": "read"} | ({"packages": "write"} if publishes else {})
        for step in details.get("steps", []):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_the_packaged_chart_has_the_image_and_the_version_that_were_published(tmp_path: Path) -> None:
    packaged = run("sh", "deploy/package_chart.sh", "registry.example/team/tidegate", tmp_path, HELM=str(PROGRAMS / "helm"))
    assert packaged.returncode == 0, packaged.stderr
    (archive,) = tmp_path.iterdir()
    assert archive.name == f"tidegate-{__version__}.tgz"
    values = yaml.safe_load(run(PROGRAMS / "helm", "show", "values", archive).stdout)
    assert values["image"]["repository"] == "registry.example/team/tidegate"
    chart = yaml.safe_load(run(PROGRAMS / "helm", "show", "chart", archive).stdout)
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)
    assert values == yaml.safe_load((ROOT / "helm/tidegate/values.yaml").read_text()) | {"image": values["image"]}
