"""Manifests for those who have no Helm, made from the chart: `make docs` writes them, a test compares them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from tests.ship.chart_files import ROOT
from tests.ship.helm import Manifest, only, proxy, render, run, workload

KUSTOMIZE = ROOT / "deploy" / "kustomize"
EXAMPLES = ROOT / "deploy" / "examples"
BASE = KUSTOMIZE / "base"
STATIC = KUSTOMIZE / "overlays" / "static-backends"
SERVICE = KUSTOMIZE / "overlays" / "kubernetes-service"
SIDECAR = KUSTOMIZE / "sidecar"
OF_HELM = {"helm.sh/chart", "app.kubernetes.io/managed-by"}
HEADER = "# Made from the chart by `make docs`.\n"
OF_BASE = {
    "deployment": ("Deployment", ""),
    "service": ("Service", "tidegate"),
    "admin-service": ("Service", "-admin"),
    "serviceaccount": ("ServiceAccount", ""),
    "poddisruptionbudget": ("PodDisruptionBudget", ""),
}


@contextmanager
def example_chart(name: str) -> Iterator[Path]:
    """An example chart, in a copy that has the charts which it depends on."""
    with TemporaryDirectory() as folder:
        for part in ("helm", "deploy/examples"):
            shutil.copytree(ROOT / part, Path(folder) / part)
        chart = Path(folder) / "deploy" / "examples" / name
        finished = run("helm", "dependency", "build", str(chart))
        assert finished.returncode == 0, finished.stderr
        yield chart


def of_overlay(overlay: Path) -> list[Manifest]:
    """What the chart makes of the settings of an overlay, without what only Helm needs."""
    with TemporaryDirectory() as folder:
        values = Path(folder) / "values.yaml"
        values.write_text(yaml.safe_dump({"config": yaml.safe_load((overlay / "config.yaml").read_text("utf-8"))}))
        return [plain(manifest) for manifest in render(values, release="tidegate") if manifest["kind"] != "Pod"]


def plain(manifest: Manifest) -> Manifest:
    """A copy of a manifest without its namespace, labels of Helm, and checksums."""
    copy = deepcopy(manifest)
    metadata = copy["metadata"]
    metadata.pop("namespace", None)
    metadata["labels"] = {key: value for key, value in metadata["labels"].items() if key not in OF_HELM}
    template = copy.get("spec", {}).get("template", {}).get("metadata", {})
    kept = {key: value for key, value in template.pop("annotations", {}).items() if not key.startswith("checksum/")}
    if kept:
        template["annotations"] = kept
    return copy


@cache
def made() -> dict[Path, str]:
    """All these manifests, with what the files should hold."""
    static, service = of_overlay(STATIC), of_overlay(SERVICE)
    with example_chart("sidecar-chart") as chart:
        application = [plain(each) for each in render(chart=chart, release="chat")]
    return {
        **{BASE / f"{file}.yaml": _text(only(static, *words)) for file, words in OF_BASE.items()},
        SERVICE / "role.yaml": _text(only(service, "Role")),
        SERVICE / "rolebinding.yaml": _text(only(service, "RoleBinding")),
        SERVICE / "api-access.yaml": _text(_difference(workload(static), workload(service))),
        SIDECAR / "container.yaml": _text(_sidecar(workload(application))),
        EXAMPLES / "sidecar" / "deployment.yaml": _text(*application),
    }


def _difference(less: Manifest, more: Manifest) -> Manifest:
    """The strategic merge patch with what one Deployment has in its lists and the other has not."""
    of_less, of_more = less["spec"]["template"]["spec"], more["spec"]["template"]["spec"]
    container = {"name": proxy([more])["name"]}
    for key in ("env", "volumeMounts"):
        container[key] = [each for each in proxy([more])[key] if each not in proxy([less])[key]]
    volumes = [each for each in of_more["volumes"] if each not in of_less["volumes"]]
    return _patch({"containers": [container], "volumes": volumes}, more["metadata"]["name"])


def _sidecar(deployment: Manifest) -> Manifest:
    """The strategic merge patch that adds the sidecar to any Deployment."""
    spec = deployment["spec"]["template"]["spec"]
    (volume,) = spec["volumes"]
    settings = {**volume, "configMap": {"name": "tidegate"}}
    keys = ("enableServiceLinks", "initContainers")
    return _patch({**{key: spec[key] for key in keys}, "volumes": [settings]}, "any")


def _patch(spec: Manifest, name: str) -> Manifest:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {"template": {"spec": spec}}}


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, and everything where it occurs."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


_Dumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
)


def _text(*manifests: Manifest) -> str:
    return HEADER + yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, width=120)


if __name__ == "__main__":
    for path, content in made().items():
        path.write_text(content, encoding="utf-8")
