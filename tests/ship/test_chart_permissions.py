"""What the chart lets Tidegate do in the cluster: what a pool needs, and nothing when none needs anything."""

import re

import pytest
import yaml

from tests.ship.chart_files import ROOT
from tests.ship.helm import Manifest, kinds, only, pod_specs, proxy, render, value_set, workload
from tests.ship.pods import SLICES, TOKEN_FOLDER, roles

ENDPOINTS = {"apiGroups": [""], "resources": ["endpoints"], "verbs": ["list", "watch"]}


def documented() -> list[Manifest]:
    """The Role and the RoleBinding of docs/kubernetes.md."""
    text = (ROOT / "docs" / "kubernetes.md").read_text()
    block = re.search(r"```yaml\n(apiVersion: rbac.*?)```", text, re.DOTALL)
    assert block
    return list(yaml.safe_load_all(block[1]))


def test_the_permissions_are_those_of_the_documentation() -> None:
    role, binding = documented()
    manifests = render(value_set("kubernetes-service"))
    assert roles(manifests) == {role["metadata"]["namespace"]: role["rules"]} == {"chat": [SLICES]}
    made = only(manifests, "RoleBinding")
    assert made["metadata"]["namespace"] == binding["metadata"]["namespace"]
    account = only(manifests, "ServiceAccount")["metadata"]
    assert made["subjects"] == [{"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}]
    assert made["roleRef"] == binding["roleRef"] | {"name": only(manifests, "Role")["metadata"]["name"]}


def test_each_namespace_that_a_pool_watches_has_one_role() -> None:
    manifests = render(value_set("many-pools"))
    assert roles(manifests) == {"chat": [SLICES], "data": [SLICES]}
    assert roles(render(value_set("own-namespace"))) == {"edge": [ENDPOINTS]}
    both = ("config.kubernetes.service=a", "config.pools.b.kubernetes.service=b", "config.pools.b.kubernetes.api=endpoints")
    assert roles(render(*both, "config.listeners.b.bind=0.0.0.0:81")) == {"edge": [ENDPOINTS, SLICES]}


def test_releases_of_two_namespaces_may_watch_the_same_one() -> None:
    assert only(render(value_set("kubernetes-service")), "Role")["metadata"]["name"] == "edge-tidegate-edge"


@pytest.mark.parametrize("name", ["static-backends", "dns", "kubeconfig"])
def test_who_watches_nothing_has_no_permission_and_no_token(name: str) -> None:
    manifests = render(value_set(name))
    assert not {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"} & set(kinds(manifests))
    assert not any("serviceAccountToken" in str(spec) for spec in pod_specs(manifests))
    assert not any(mount["mountPath"] == TOKEN_FOLDER for mount in proxy(manifests)["volumeMounts"])


def test_no_pod_gets_a_token_by_itself() -> None:
    for name in ("static-backends", "kubernetes-service", "daemonset"):
        manifests = render(value_set(name))
        assert [spec["automountServiceAccountToken"] for spec in pod_specs(manifests)] == [False, False]
        assert only(manifests, "ServiceAccount")["automountServiceAccountToken"] is False


def test_who_watches_gets_a_token_that_no_other_container_of_the_pod_has() -> None:
    manifests = render(value_set("kubernetes-service"))
    (volume,) = [each for each in workload(manifests)["spec"]["template"]["spec"]["volumes"] if "projected" in each]
    files = [
        source["path"] if "path" in source else source["items"][0]["path"]
        for each in volume["projected"]["sources"]
        for source in each.values()
    ]
    assert files == ["token", "ca.crt", "namespace"]
    assert {"name": volume["name"], "mountPath": TOKEN_FOLDER, "readOnly": True} in proxy(manifests)["volumeMounts"]


def test_permissions_of_ones_own_take_the_place_of_those_of_the_chart() -> None:
    manifests = render(value_set("kubernetes-service"), "rbac.create=false", "serviceAccount.create=false")
    assert not {"Role", "RoleBinding", "ServiceAccount"} & set(kinds(manifests))
    assert workload(manifests)["spec"]["template"]["spec"]["serviceAccountName"] == "default"
