"""The manifests for kustomize: what kubectl makes of them is what the chart makes of the same settings."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.ship.helm import OLDEST, Manifest, only, proxy, render, run, workload
from tests.ship.kubernetes_schemas import VERSIONS, problems
from tests.ship.plain_manifests import EXAMPLES, KUSTOMIZE, SERVICE, STATIC, made, of_overlay, plain
from tests.ship.pods import environment, mounted, not_restricted
from tidegate.cli.check import check

OVERLAYS = sorted((KUSTOMIZE / "overlays").iterdir())
HASH = re.compile(r"(?<=tidegate)-[a-z0-9]{10}$")


def built(overlay: Path) -> list[Manifest]:
    """What `kubectl kustomize` says."""
    finished = run("kubectl", "kustomize", str(overlay))
    assert finished.returncode == 0, finished.stderr
    return list(yaml.safe_load_all(finished.stdout))


def comparable(manifests: list[Manifest]) -> dict[tuple[str, str], object]:
    """Manifests by kind and name: without hashes in names, settings as values, and lists whose order says nothing sorted."""
    return {(each["kind"], each["metadata"]["name"]): each for each in map(_comparable, manifests)}


def _comparable(manifest: Manifest) -> Manifest:
    found: Manifest = json.loads(json.dumps(manifest), object_hook=_without_hash)
    found = plain({**found, "metadata": {"labels": {}, **found["metadata"]}})
    match found["kind"]:
        case "ConfigMap":
            return {
                **found,
                "metadata": {"name": found["metadata"]["name"]},
                "data": yaml.safe_load(found["data"]["config.yaml"]),
            }
        case "RoleBinding":
            (subject,) = found["subjects"]
            return {**found, "subjects": [{key: value for key, value in subject.items() if key != "namespace"}]}
        case "Deployment":
            for part, key in ((proxy([found]), "env"), (proxy([found]), "volumeMounts"), (pod(found), "volumes")):
                part[key] = sorted(part[key], key=lambda item: str(item["name"]))
    return found


def _without_hash(part: Manifest) -> Manifest:
    return {key: HASH.sub("", value) if key == "name" and isinstance(value, str) else value for key, value in part.items()}


def pod(deployment: Manifest) -> Manifest:
    """The specification of its pods."""
    spec: Manifest = deployment["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("path", made(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_manifests_that_are_made_from_the_chart_are_up_to_date(path: Path) -> None:
    assert path.read_text("utf-8") == made()[path], f"{path} is stale: make docs"


@pytest.mark.parametrize("overlay", [STATIC, SERVICE], ids=lambda path: path.name)
def test_an_overlay_is_what_the_chart_makes_of_the_same_settings(overlay: Path) -> None:
    assert comparable(built(overlay)) == comparable(of_overlay(overlay))


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_kubernetes_takes_every_overlay(overlay: Path) -> None:
    manifests = built(overlay)
    assert len(manifests) == {"static-backends": 6, "kubernetes-service": 8, "sidecar": 3}[overlay.name]
    for version in (VERSIONS[0], VERSIONS[-1]):
        assert [line for manifest in manifests for line in problems(manifest, version)] == []
    assert not_restricted(pod(workload(manifests))) == []


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_the_program_takes_the_settings_of_every_overlay(
    overlay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifests = built(overlay)
    assert check(environment(proxy(manifests), mounted(manifests, tmp_path))) == 0, capsys.readouterr().err


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_pods_are_replaced_when_the_settings_change(overlay: Path) -> None:
    manifests = built(overlay)
    settings = only(manifests, "ConfigMap")["metadata"]["name"]
    assert HASH.search(settings)
    volumes = pod(workload(manifests))["volumes"]
    assert settings in [volume.get("configMap", {}).get("name") for volume in volumes]


def test_the_component_adds_the_sidecar_of_the_chart_to_any_deployment() -> None:
    manifests = built(KUSTOMIZE / "overlays" / "sidecar")
    example = list(yaml.safe_load_all((EXAMPLES / "sidecar" / "deployment.yaml").read_text()))
    assert proxy(manifests) == proxy(example)
    assert proxy(manifests)["restartPolicy"] == "Always"


def test_the_component_leaves_the_time_to_stop_to_the_application() -> None:
    (application, _) = yaml.safe_load_all((KUSTOMIZE / "overlays" / "sidecar" / "application.yaml").read_text())
    example = list(yaml.safe_load_all((EXAMPLES / "sidecar" / "deployment.yaml").read_text()))
    (patch,) = yaml.safe_load_all((KUSTOMIZE / "sidecar" / "container.yaml").read_text())
    assert "terminationGracePeriodSeconds" not in pod(patch)
    built_pod = pod(workload(built(KUSTOMIZE / "overlays" / "sidecar")))
    assert built_pod["terminationGracePeriodSeconds"] == pod(application)["terminationGracePeriodSeconds"]
    assert pod(application)["terminationGracePeriodSeconds"] == pod(workload(example))["terminationGracePeriodSeconds"]


def test_the_commands_of_the_text_make_the_namespaces_that_the_overlays_need() -> None:
    text = (KUSTOMIZE / "README.md").read_text()
    for overlay in OVERLAYS:
        namespace = yaml.safe_load((overlay / "kustomization.yaml").read_text())["namespace"]
        assert re.search(rf"^\$ kubectl create namespace {namespace}\b", text, re.MULTILINE), overlay


def test_the_base_has_the_image_of_the_chart() -> None:
    assert proxy(built(STATIC))["image"] == proxy(render("config.backends=a:1", version=OLDEST))["image"]
