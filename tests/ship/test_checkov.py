"""What checkov has against the manifests: nothing that is not explained here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.ship.helm import VALUE_SETS, render, run
from tests.ship.plain_manifests import KUSTOMIZE

pytestmark = pytest.mark.checkov
CHECKOV = Path(f"{sys.prefix}-checkov") / "bin" / "checkov"
LONGEST = 100
WORKLOADS = {"Deployment", "DaemonSet"}
ANY = WORKLOADS | {"Pod"}
EXPLAINED = {
    "CKV_K8S_11": (
        ANY,
        "a limit of processor time would slow down every connection that is already there; memory is limited",
    ),
    "CKV_K8S_15": (ANY, "tags are releases and never move, so that pulling again brings nothing"),
    "CKV_K8S_43": (ANY, "who needs a digest gives image.digest; the chart cannot know that of somebody's registry"),
    "CKV2_K8S_6": ({"Pod"}, "only networkPolicy.clients can know who may connect, so that it is off until somebody says"),
    "CKV_K8S_35": (
        WORKLOADS,
        "the program reads the token and passwords from its environment, which needs no file and no reload",
    ),
    "CKV_K8S_8": ({"Pod"}, "the pod of helm test ends by itself"),
    "CKV_K8S_9": (
        {"Pod", "Deployment"},
        "the pod of helm test ends by itself; in the examples one process that is not up must not make the pod unready, "
        "as Tidegate leaves it out",
    ),
}
"""By check: the kinds that it is about, and why it stays."""


def findings(folder: Path) -> set[tuple[str, str]]:
    """Check and kind of every finding in the manifests of a folder."""
    options = ["--framework", "kubernetes", "--skip-download", "--quiet", "--compact", "-o", "json"]
    finished = subprocess.run(
        [CHECKOV, "-d", folder, *options], capture_output=True, text=True, timeout=LONGEST, check=False
    )
    report = json.loads(finished.stdout)
    assert not report["summary"]["parsing_errors"]
    assert report["summary"]["passed"] > 100
    return {(each["check_id"], each["resource"].split(".")[0]) for each in report["results"]["failed_checks"]}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """What checkov finds in the chart with every set of values, and in the overlays."""
    folder = tmp_path_factory.mktemp("manifests")
    for values in VALUE_SETS:
        (folder / f"chart-{values.stem}.yaml").write_text(yaml.safe_dump_all(render(values)))
    for overlay in (KUSTOMIZE / "overlays").iterdir():
        (folder / f"kustomize-{overlay.name}.yaml").write_text(run("kubectl", "kustomize", str(overlay)).stdout)
    return findings(folder)


def test_checkov_finds_nothing_that_is_not_explained(found: set[tuple[str, str]]) -> None:
    assert {each for each in found if each[0] not in EXPLAINED or each[1] not in EXPLAINED[each[0]][0]} == set()


def test_every_explanation_is_still_needed(found: set[tuple[str, str]]) -> None:
    assert {check for check, _ in found} == set(EXPLAINED)


def test_checkov_sees_a_pod_that_is_not_secured(tmp_path: Path) -> None:
    unsafe = render(
        "config.backends=a:1", "securityContext.readOnlyRootFilesystem=false", "securityContext.capabilities=null"
    )
    (tmp_path / "unsafe.yaml").write_text(yaml.safe_dump_all(unsafe))
    assert {("CKV_K8S_22", "Deployment"), ("CKV_K8S_28", "Deployment")} <= findings(tmp_path)
