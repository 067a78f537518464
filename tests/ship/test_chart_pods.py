"""The pods: how they are secured, probed, stopped, spread and scaled."""

from pathlib import Path

import pytest

from tests.ship.helm import VALUE_SETS, Manifest, only, pod_specs, proxy, render, value_set, workload
from tests.ship.pods import IN_A_CLUSTER, not_restricted
from tidegate.settings.effective import effective
from tidegate.settings.loading import load_settings

STANDALONE = [path for path in VALUE_SETS if path.stem != "sidecar"]
STATIC = "config.backends=10.0.0.5:8001"


@pytest.mark.parametrize("values", STANDALONE, ids=lambda path: path.stem)
def test_pods_hold_to_the_restricted_standard_and_write_nowhere(values: Path) -> None:
    specs = pod_specs(render(values))
    assert len(specs) == 2
    for spec in specs:
        assert not_restricted(spec) == []
        assert spec["enableServiceLinks"] is False
        assert all(each["securityContext"]["readOnlyRootFilesystem"] for each in spec["containers"])
        assert all(each["resources"]["limits"]["memory"] for each in spec["containers"])


def test_the_check_of_the_standard_sees_what_is_not_restricted() -> None:
    (spec, _) = pod_specs(render(STATIC, "securityContext.allowPrivilegeEscalation=true"))
    assert not_restricted(spec) == ["tidegate: allowPrivilegeEscalation"]
    (spec, _) = pod_specs(render(STATIC, "securityContext.capabilities.drop={NET_RAW}", "securityContext.runAsUser=0"))
    assert not_restricted(spec) == ["tidegate: runAsUser", "tidegate: capabilities"]


def test_the_process_has_the_numeric_user_of_the_image() -> None:
    context = proxy(render(STATIC))["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (65532, 65532)


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ((), 5 + 25 + 5),
        (("config.drain.delay=0s",), 30),
        (("config.drain.grace=0",), 10),
        (("config.drain.delay=500ms", "config.drain.grace=1.2s"), 7),
        (("config.drain.delay=2", "config.drain.grace=5m"), 307),
        (("config.drain.grace=1h",), 3610),
        (("preStopSleep=10s",), 45),
        (("preStopSleep=1.5",), 37),
        (("terminationGracePeriodSeconds=90",), 90),
        (("terminationGracePeriodSeconds=30",), 30),
        (("config.drain.backend_grace=1h",), 35),
    ],
)  # fmt: skip
def test_the_grace_period_is_what_the_program_may_take_and_five_seconds(values: tuple[str, ...], seconds: int) -> None:
    assert workload(render(STATIC, *values))["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == seconds


def test_no_sleep_comes_before_sigterm_unless_it_is_asked_for() -> None:
    assert "lifecycle" not in proxy(render(STATIC))


def test_probes_ask_the_admin_port_what_kubelet_wants_to_know() -> None:
    container = proxy(render(value_set("dns")))
    asked = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert asked == {
        "startup": {"path": "/livez", "port": 9100},
        "liveness": {"path": "/livez", "port": 9100},
        "readiness": {"path": "/readyz", "port": 9100},
    }
    changed = proxy(render(value_set("extras")))
    assert changed["startupProbe"]["initialDelaySeconds"] == 2
    assert changed["readinessProbe"]["periodSeconds"] == 2
    assert changed["readinessProbe"]["failureThreshold"] == 2


def test_pods_are_replaced_when_a_setting_changes_and_only_then() -> None:
    def annotations(*values: str) -> Manifest:
        found: Manifest = workload(render(STATIC, *values))["spec"]["template"]["metadata"]["annotations"]
        return found

    assert annotations("config.idle_timeout=5m") != annotations()
    assert annotations("replicas=3") == annotations()


def test_the_image_is_the_release_of_the_program_unless_another_is_named() -> None:
    assert proxy(render(STATIC))["image"].startswith("tidegate:")
    assert proxy(render(STATIC, "image.tag=edge", "image.repository=team/tidegate"))["image"] == "team/tidegate:edge"
    digest = "registry.example.com/team/tidegate@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    assert proxy(render(value_set("extras")))["image"] == digest


def test_a_deployment_spreads_over_nodes_and_zones_and_a_selector_of_ones_own_stays() -> None:
    def keys(*values: Path | str) -> list[tuple[str, object]]:
        spec = workload(render(*values))["spec"]["template"]["spec"]
        return [(each["topologyKey"], each["labelSelector"]["matchLabels"]) for each in spec["topologySpreadConstraints"]]

    labels = workload(render(STATIC))["spec"]["selector"]["matchLabels"]
    assert keys(STATIC) == [("kubernetes.io/hostname", labels), ("topology.kubernetes.io/zone", labels)]
    assert keys(value_set("extras")) == [("kubernetes.io/hostname", {"team": "edge"})]


def test_a_rollout_never_has_fewer_pods_than_asked_for() -> None:
    one_more_first = {"maxSurge": 1, "maxUnavailable": 0}
    assert workload(render(STATIC))["spec"]["strategy"]["rollingUpdate"] == one_more_first
    assert workload(render(value_set("daemonset")))["spec"]["updateStrategy"]["rollingUpdate"] == one_more_first


def test_large_numbers_stay_whole_numbers(tmp_path: Path) -> None:
    given = tmp_path / "values.yaml"
    given.write_text("{minReadySeconds: 1000000, autoscaling: {enabled: true, connections: 5000000}}")
    manifests = render(STATIC, given)
    assert workload(manifests)["spec"]["minReadySeconds"] == 1_000_000
    (metric,) = only(manifests, "HorizontalPodAutoscaler")["spec"]["metrics"]
    assert metric["pods"]["target"]["averageValue"] == "5000000"


def test_what_the_templates_take_for_granted_are_the_defaults_of_the_program() -> None:
    settings: Manifest = effective(load_settings({**IN_A_CLUSTER, "TIDEGATE_BACKENDS": "10.0.0.5:8001"}))
    (listen,) = settings["listeners"]["default"]["bind"]
    drain = settings["drain"]
    given = (f"config.drain.delay={drain['delay']}", f"config.drain.grace={drain['grace']}")
    told = pod_specs(render(STATIC, f"config.listen={listen}", f"config.admin={settings['admin']}", *given))
    assert pod_specs(render(STATIC)) == told


def test_the_number_of_pods_follows_open_connections_and_processor_time() -> None:
    manifests = render(value_set("autoscaling"))
    connections, cpu = only(manifests, "HorizontalPodAutoscaler")["spec"]["metrics"]
    assert connections["pods"] == {
        "metric": {"name": "tidegate_listener_connections_active"},
        "target": {"type": "AverageValue", "averageValue": "20000"},
    }
    assert cpu["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    assert "replicas" not in workload(manifests)["spec"]


def test_the_network_policy_lets_in_clients_the_scraper_and_the_test() -> None:
    manifests = render(value_set("network-policy"))
    clients, admin = only(manifests, "NetworkPolicy")["spec"]["ingress"]
    of_the_test = {"podSelector": {"matchLabels": only(manifests, "Pod")["metadata"]["labels"]}}
    assert clients["ports"] == [{"port": 8000, "protocol": "TCP"}]
    assert admin["ports"] == [{"port": 9000, "protocol": "TCP"}]
    for rule, namespace in ((clients, "web"), (admin, "monitoring")):
        mine, theirs = rule["from"]
        assert mine["podSelector"]["matchLabels"].items() <= of_the_test["podSelector"]["matchLabels"].items()
        assert theirs["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": namespace}
    assert "from" not in only(render(STATIC, "networkPolicy.enabled=true"), "NetworkPolicy")["spec"]["ingress"][0]


def test_the_network_policy_lets_out_names_the_api_server_and_the_backends() -> None:
    names, api, backends = only(render(value_set("network-policy")), "NetworkPolicy")["spec"]["egress"]
    assert {(port["port"], port["protocol"]) for port in names["ports"]} == {(53, "UDP"), (53, "TCP")}
    assert [port["port"] for port in api["ports"]] == [443, 6443]
    assert api["to"] == [{"ipBlock": {"cidr": "10.96.0.1/32"}}]
    assert backends["ports"] == [{"port": 8001, "protocol": "TCP"}]
    only_backends = ("networkPolicy.enabled=true", "networkPolicy.egress.enabled=true")
    rules = only(render(STATIC, *only_backends, "networkPolicy.egress.backends[0].ports[0].port=8001"), "NetworkPolicy")
    assert len(rules["spec"]["egress"]) == 2


def test_ports_of_the_service_may_differ_from_those_of_the_listeners() -> None:
    (port,) = only(render(value_set("load-balancer")), "Service", "tidegate")["spec"]["ports"]
    assert port == {"name": "tcp-8443", "port": 443, "targetPort": "tcp-8443", "protocol": "TCP", "nodePort": 30443,
                    "appProtocol": "https"}  # fmt: skip
