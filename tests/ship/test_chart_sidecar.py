"""The sidecar in somebody's own chart."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.ship.chart_files import ROOT
from tests.ship.helm import Manifest, configuration, kinds, only, proxy, refusal, render, run, workload
from tests.ship.kubernetes_schemas import VERSIONS, problems
from tests.ship.plain_manifests import example_chart
from tests.ship.pods import SLICES, TOKEN_FOLDER, environment, mounted, not_restricted, roles
from tidegate.cli.check import check

SHOP = {"apiVersion": "v2", "name": "shop", "version": "0.1.0"}
DEPENDENCY = {"name": "tidegate", "version": "0.1.0", "repository": f"file://{ROOT / 'helm' / 'tidegate'}"}
PORT_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+){0,7}")
TWO = """\
{{- $first := index .Subcharts "redis" }}
{{- $second := index .Subcharts "postgres" }}
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata:
      labels:
        app: shop
        {{- include "tidegate.sidecarLabels" $first | nindent 8 }}
        {{- include "tidegate.sidecarLabels" $second | nindent 8 }}
      annotations:
        {{- include "tidegate.sidecarAnnotations" $first | nindent 8 }}
        {{- include "tidegate.sidecarAnnotations" $second | nindent 8 }}
    spec:
      serviceAccountName: {{ include "tidegate.sharedAccountName" (list $first $second) }}
      initContainers:
        {{- include "tidegate.sidecar" $first | nindent 8 }}
        {{- include "tidegate.sidecar" $second | nindent 8 }}
      containers: [{name: shop, image: shop}]
      volumes:
        {{- include "tidegate.sidecarVolumes" $first | nindent 8 }}
        {{- include "tidegate.sidecarVolumes" $second | nindent 8 }}
"""


@pytest.fixture(scope="module")
def front() -> Iterator[Path]:
    """The chart of an application of several processes behind Tidegate."""
    with example_chart("sidecar-chart") as chart:
        yield chart


@pytest.fixture(scope="module")
def client() -> Iterator[Path]:
    """The chart of an application that connects to databases through Tidegate."""
    with example_chart("client-side-balancing") as chart:
        yield chart


def pod(manifests: list[Manifest]) -> Manifest:
    found: Manifest = workload(manifests)["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize("example", ["front", "client"])
def test_the_container_is_a_native_sidecar(example: str, request: pytest.FixtureRequest) -> None:
    manifests = render(chart=request.getfixturevalue(example))
    (sidecar,) = pod(manifests)["initContainers"]
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["startupProbe"]["httpGet"]["path"] == "/livez", "the application would wait for itself"
    assert not_restricted(pod(manifests)) == []
    assert kinds(manifests).count("Deployment") == 1
    for version in VERSIONS:
        assert [line for manifest in manifests for line in problems(manifest, version)] == []


@pytest.mark.parametrize("example", ["front", "client"])
def test_the_program_takes_its_settings(
    example: str, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifests = render(chart=request.getfixturevalue(example))
    code = check(environment(proxy(manifests), mounted(manifests, tmp_path)))
    printed = capsys.readouterr()
    assert code == 0, printed.err
    assert yaml.safe_load(printed.out)["drain"]["delay"] == "0s"


def test_in_front_of_its_pod_it_needs_no_permission_and_makes_the_pod_ready(front: Path) -> None:
    manifests = render(chart=front)
    assert kinds(manifests) == ["ConfigMap", "Deployment", "Service"]
    assert "ready" not in configuration(manifests)
    (port,) = only(manifests, "Service")["spec"]["ports"]
    assert port["targetPort"] in [each["name"] for each in proxy(manifests)["ports"]]
    ports = [each.rpartition(":")[2] for each in configuration(manifests)["backends"]]
    assert ports == [each["env"][0]["value"] for each in pod(manifests)["containers"]]


def test_as_a_client_side_balancer_only_its_own_pod_reaches_it_and_stays_ready_without_it(client: Path) -> None:
    manifests = render(chart=client)
    settings = configuration(manifests)
    assert all(each["bind"].startswith("127.0.0.1:") for each in settings["listeners"].values())
    assert [pool["ready"]["min_backends"] for pool in settings["pools"].values()] == [0, 0]
    assert [port["name"] for port in proxy(manifests)["ports"]] == ["tidegate-admin"]
    addresses = {f"127.0.0.1:{port}" for port in (5432, 6379)}
    assert {each["bind"] for each in settings["listeners"].values()} == addresses
    assert all(any(address in each["value"] for address in addresses) for each in pod(manifests)["containers"][0]["env"])


def test_only_the_sidecar_of_a_pod_has_the_token(client: Path) -> None:
    manifests = render(chart=client)
    assert roles(manifests) == {"cache": [SLICES], "data": [SLICES]}
    assert pod(manifests)["automountServiceAccountToken"] is False
    assert pod(manifests)["serviceAccountName"] == only(manifests, "ServiceAccount")["metadata"]["name"]
    assert TOKEN_FOLDER in [mount["mountPath"] for mount in proxy(manifests)["volumeMounts"]]
    assert not any(each.get("volumeMounts") for each in pod(manifests)["containers"])


def test_the_pod_has_time_for_the_application_and_then_for_the_sidecar(front: Path) -> None:
    assert pod(render(chart=front))["terminationGracePeriodSeconds"] == 20 + 0 + 25 + 5
    changed = render("tidegate.config.drain.grace=1m", "stopSeconds=40", chart=front)
    assert pod(changed)["terminationGracePeriodSeconds"] == 40 + 0 + 60 + 5


def test_what_is_given_wins_over_what_a_sidecar_has_by_default() -> None:
    sidecar = ("kind=Sidecar", "config.kubernetes.service=cache/redis")
    assert configuration(render(*sidecar)) == {
        "drain": {"delay": "0s"},
        "kubernetes": {"service": "cache/redis"},
        "listen": "127.0.0.1:8000",
        "ready": {"min_backends": 0},
    }
    given = ("config.listen=0.0.0.0:6379", "config.ready.min_backends=2", "config.drain.delay=3s")
    settings = configuration(render(*sidecar, *given))
    assert (settings["listen"], settings["ready"], settings["drain"]) == (
        "0.0.0.0:6379",
        {"min_backends": 2},
        {"delay": "3s"},
    )


def test_pods_are_replaced_when_a_setting_of_the_sidecar_changes(front: Path) -> None:
    def annotations(*values: str) -> Manifest:
        found: Manifest = workload(render(*values, chart=front))["spec"]["template"]["metadata"]["annotations"]
        return found

    assert annotations("tidegate.config.idle_timeout=5m") != annotations()
    assert annotations("replicas=3") == annotations()


def test_the_pods_of_another_kind_are_refused(front: Path) -> None:
    message = refusal("tidegate.kind=Deployment", chart=front)
    assert "tidegate.kind: Deployment: expected Sidecar" in message


def test_values_of_the_sidecar_are_checked_like_those_of_the_chart(front: Path) -> None:
    assert "at '/config/health': additional properties 'intervall'" in refusal(
        "tidegate.config.health.intervall=3s", chart=front
    )
    assert "config.admin: 127.0.0.1:9000: kubelet's probes" in refusal("tidegate.config.admin=127.0.0.1:9000", chart=front)


def two_sidecars(folder: Path, first: str = "redis", second: str = "postgres") -> Path:
    """A chart with two sidecars in one pod, and one account for both."""
    dependencies = [{**DEPENDENCY, "alias": alias} for alias in (first, second)]
    (folder / "templates").mkdir()
    (folder / "templates" / "shop.yaml").write_text(TWO.replace("redis", first).replace("postgres", second))
    (folder / "Chart.yaml").write_text(yaml.safe_dump({**SHOP, "dependencies": dependencies}))
    values = {
        alias: {
            "kind": "Sidecar",
            "podMonitor": {"enabled": True},
            "serviceAccount": {"create": alias == first, "name": "shop"},
            "config": {
                "admin": f"0.0.0.0:{admin}",
                "listen": f"127.0.0.1:{port}",
                "kubernetes": {"service": f"data/{alias.lower()}"},
            },
        }
        for alias, admin, port in ((first, 9001, 6379), (second, 9002, 5432))
    }
    (folder / "values.yaml").write_text(yaml.safe_dump(values))
    assert run("helm", "dependency", "build", str(folder)).returncode == 0
    return folder


def test_two_sidecars_of_one_pod_have_names_settings_and_volumes_of_their_own(tmp_path: Path) -> None:
    manifests = render(chart=two_sidecars(tmp_path))
    template = workload(manifests)["spec"]["template"]
    assert [each["name"] for each in template["spec"]["initContainers"]] == ["redis", "postgres"]
    volumes = [volume["name"] for volume in template["spec"]["volumes"]]
    assert volumes == ["redis-config", "redis-api", "postgres-config", "postgres-api"]
    assert configuration(manifests, "redis")["listen"] == "127.0.0.1:6379"
    assert configuration(manifests, "postgres")["listen"] == "127.0.0.1:5432"
    assert template["metadata"]["annotations"].keys() == {"checksum/redis", "checksum/postgres"}
    ports = [port["name"] for each in template["spec"]["initContainers"] for port in each["ports"]]
    assert ports == ["redis-admin", "postgres-admin"]
    for monitor, port in zip([each for each in manifests if each["kind"] == "PodMonitor"], sorted(ports), strict=True):
        assert monitor["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        assert monitor["spec"]["podMetricsEndpoints"][0]["port"] == port
    kept = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in manifests]
    assert len(set(kept)) == len(kept)


def test_two_sidecars_of_one_pod_share_the_account_that_may_watch_for_both(tmp_path: Path) -> None:
    manifests = render(chart=two_sidecars(tmp_path))
    account = only(manifests, "ServiceAccount")["metadata"]["name"]
    assert pod(manifests)["serviceAccountName"] == account == "shop"
    subjects = [subject["name"] for each in manifests if each["kind"] == "RoleBinding" for subject in each["subjects"]]
    assert subjects == [account, account]


def test_two_sidecars_of_one_pod_with_an_account_each_are_refused(tmp_path: Path) -> None:
    message = refusal("postgres.serviceAccount.name=other", chart=two_sidecars(tmp_path))
    assert "serviceAccount.name: a pod has one account, and its sidecars redis and postgres want shop and other" in message


def test_sidecars_whose_names_begin_alike_have_ports_of_their_own(tmp_path: Path) -> None:
    manifests = render(chart=two_sidecars(tmp_path, "tidegate-redis", "tidegate-postgres"))
    ports = [port["name"] for each in pod(manifests)["initContainers"] for port in each["ports"]]
    assert len(set(ports)) == len(ports) == 2
    assert list(problems(workload(manifests), VERSIONS[0])) == []
    assert all(PORT_NAME.fullmatch(port) for port in ports), ports


def test_an_alias_that_no_container_can_have_is_refused(tmp_path: Path) -> None:
    message = refusal(chart=two_sidecars(tmp_path, "tidegateRedis", "tidegatePostgres"))
    assert "tidegateRedis: containers and volumes cannot have this name: expected an alias of a-z, 0-9 and -" in message


def test_a_parent_may_turn_the_sidecar_off(tmp_path: Path) -> None:
    dependency = {**DEPENDENCY, "condition": "tidegate.enabled"}
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump({**SHOP, "dependencies": [dependency]}))
    sidecar = {"enabled": True, "kind": "Sidecar", "config": {"backends": "127.0.0.1:8001"}}
    (tmp_path / "values.yaml").write_text(yaml.safe_dump({"tidegate": sidecar}))
    assert run("helm", "dependency", "build", str(tmp_path)).returncode == 0
    assert kinds(render(chart=tmp_path)) == ["ConfigMap"]
    assert kinds(render("tidegate.enabled=false", chart=tmp_path)) == []


@pytest.mark.parametrize("example", ["front", "client"])
def test_the_notes_of_an_example_tell_how_to_see_its_sidecar(example: str, request: pytest.FixtureRequest) -> None:
    chart = str(request.getfixturevalue(example))
    notes = run("helm", "install", "shop", chart, "-n", "edge", "--dry-run=client").stdout.split("NOTES:")[1]
    assert "kubectl -n edge logs -l tidegate/tidegate=shop-tidegate -c tidegate" in notes
    assert "The image is tidegate:0.1.0, without a registry" in notes
