"""Values that the chart refuses, and what it says about them."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.ship.chart_files import CHART
from tests.ship.helm import refusal

BACKENDS = "config.backends=10.0.0.5:8001"
SERVICE = "config.kubernetes.service=chat/socketio"
NULLABLE = {"terminationGracePeriodSeconds", "minAvailable", "connections", "cpu"}
OPEN = {"handed on to Kubernetes as it is", "Helm gives it to every chart that another one depends on"}


IMPOSSIBLE = [
    ("replicaCount=3", "''", "'replicaCount' not allowed"),
    ("config.backend=a:1", "'/config'", "'backend' not allowed"),
    ("config.health.intervall=3s", "'/config/health'", "'intervall' not allowed"),
    ("config.pools.Chat.backends=a:1", "'/config/pools'", "'Chat' not allowed"),
    ("config.pools.chat.weight=1", "'/config/pools/chat'", "'weight' not allowed"),
    ("config.health.interval=5 minutes", "'/config/health/interval'", "'5 minutes' does not match"),
    ("config.health.type=icmp", "'/config/health/type'", "must be one of 'tcp', 'tls', 'http'"),
    ("config.health.rise=0", "'/config/health/rise'", "minimum: got 0, want 1"),
    ("config.health.port=70000", "'/config/health/port'", "maximum: got 70,000, want 65,535"),
    ("config.health.path=status", "'/config/health/path'", "'status' does not match"),
    ("config.rebalance.mode=true", "'/config/rebalance/mode'", "must be one of 'off', 'dry_run', 'on'"),
    ("config.workers=many", "'/config/workers'", "'many' does not match"),
    ("config.listen=8000", "'/config/listen'", "got number, want string or array"),
    ("config.kubernetes.service=Chat/Socketio", "'/config/kubernetes/service'", "'Chat/Socketio' does not match"),
    ("config.admin=:9000", "'/config/admin'", "':9000' does not match"),
    ("kind=StatefulSet", "'/kind'", "must be one of 'Deployment', 'DaemonSet', 'Sidecar'"),
    ("replicas=-1", "'/replicas'", "minimum: got -1, want 0"),
    ("image.digest=latest", "'/image/digest'", "'latest' does not match"),
    ("service.type=ExternalName", "'/service/type'", "must be one of"),
    ("service.ports.http.port=80", "'/service/ports'", "'http' not allowed"),
    ("resources.limits.memory=lots", "'/resources/limits/memory'", "'lots' does not match"),
    ("probes.liveness.periodSeconds=0", "'/probes/liveness/periodSeconds'", "minimum: got 0, want 1"),
    ("podDisruptionBudget.maxUnavailable=half", "'/podDisruptionBudget/maxUnavailable'", "'half' does not match"),
    ("autoscaling.cpu=250", "'/autoscaling/cpu'", "maximum: got 250, want 100"),
    ("config.listeners.a.bind=:8000", "'/config/listeners/a/bind'", "':8000' does not match"),
    ("service.ipFamilies={IPv4,IPv4}", "'/service/ipFamilies'", "are equal"),
    ("probes.startup.successThreshold=2", "'/probes/startup/successThreshold'", "value must be 1"),
    ("extraEnv[0].nme=A", "'/extraEnv/0'", "missing property 'name'"),
    ("extraEnv[1].nme=A", "'/extraEnv/1'", "'nme' not allowed"),
    ("updateStrategy.rollingUpdate.maxSurg=1", "'/updateStrategy/rollingUpdate'", "'maxSurg' not allowed"),
    ("securityContext.privilege=true", "'/securityContext'", "'privilege' not allowed"),
    ("tolerations[0].operater=Exists", "'/tolerations/0'", "'operater' not allowed"),
    ("networkPolicy.clients[0].podSelectr.a=b", "'/networkPolicy/clients/0'", "'podSelectr' not allowed"),
    ("serviceMonitor.interval=0s", "'/serviceMonitor/interval'", "'0s' does not match"),
    ("enabled=perhaps", "'/enabled'", "got string, want boolean"),
    ("secretConfig.LISTEN.name=x", "'/secretConfig'", "'LISTEN' not allowed"),
    ("secretConfig.ADMIN_TOKEN.name=x", "'/secretConfig/ADMIN_TOKEN'", "missing property 'key'"),
]


@pytest.mark.parametrize(("value", "place", "what"), IMPOSSIBLE)
def test_a_value_that_cannot_be_is_refused_with_its_place_together_with_all_others(
    value: str, place: str, what: str
) -> None:
    lines = refusal(BACKENDS, *(each for each, _, _ in IMPOSSIBLE)).splitlines()
    assert [line for line in lines if f"at {place}: " in line and what in line], value


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((), "config: no backends: give backends, dns.name or kubernetes.service"),
        ((BACKENDS, SERVICE), "config: the backends are given by backends and kubernetes.service: expected only one"),
        (("config.pools.chat.balance=first", "config.listeners.chat.bind=0.0.0.0:1"), "config.pools.chat: no backends"),
        ((BACKENDS, "config.admin_token=correct-horse"), "config.admin_token: a secret does not belong in a ConfigMap"),
        ((BACKENDS, "config.health.password=x"), "secretConfig: {HEALTH__PASSWORD: {name: ..., key: ...}}"),
        (("config.pools.a.backends=a:1", "config.pools.a.health.password=x"), "{POOLS__A__HEALTH__PASSWORD: "),
        ((BACKENDS, "config.admin=127.0.0.1:9000"), "config.admin: 127.0.0.1:9000: kubelet's probes and Prometheus do not"),
        ((BACKENDS, "config.listen=0.0.0.0:9000"), "config: port 9000 is used by config.admin and by the listener default"),
        ((BACKENDS, "config.listen={0.0.0.0:80,[::]:80}"), "config: port 80 is used by the listener default and by"),
        ((BACKENDS, "config.listen=127.0.0.1:8000"), "config: every listener is on loopback"),
        (
            (BACKENDS, "config.pools.b.backends=b:1"),
            "config.pools.b: no listener and no route uses this pool: give config.listeners.b.bind, as in 0.0.0.0:8000",
        ),
        (
            (BACKENDS, "config.listeners.b.bind=0.0.0.0:81"),
            "config.listeners.b.pool: no pool is called b: expected one of default",
        ),
        ((BACKENDS, "config.listen=unix:/run/a.sock"), "config: every listener is on loopback or at a Unix socket"),
        (
            (BACKENDS, "config.routes[0].pool=nowhere", "config.routes[0].host=a"),
            "config.listeners.default.routes: no pool is called nowhere: expected one of default",
        ),
        ((BACKENDS, "config.workers=auto"), "config.workers: auto: there is no resources.limits.cpu"),
        (
            (BACKENDS, "extraEnv[0].name=TIDEGATE_LISTEN", "extraEnv[0].value=0.0.0.0:80"),
            "extraEnv: TIDEGATE_LISTEN: expected its value in config",
        ),
        (
            (BACKENDS, "config.drain.grace=5m", "terminationGracePeriodSeconds=60"),
            "terminationGracePeriodSeconds: 60: Tidegate would be killed while it drains: preStopSleep, config.drain.delay "
            "and config.drain.grace take 305 seconds; expected at least 305",
        ),
        ((BACKENDS, "kind=DaemonSet", "autoscaling.enabled=true"), "autoscaling.enabled: a DaemonSet has one pod per node"),
        ((BACKENDS, "autoscaling.enabled=true", "autoscaling.connections=null"), "autoscaling: nothing to scale by"),
        (
            (BACKENDS, "autoscaling.enabled=true", "autoscaling.minReplicas=11"),
            "autoscaling.minReplicas: 11 is more than maxReplicas: expected at most 10",
        ),
        (
            (BACKENDS, "autoscaling.enabled=true", "autoscaling.cpu=50", "resources.requests.cpu=null"),
            "autoscaling.cpu: it is a percentage of resources.requests.cpu, which is not given",
        ),
        (
            (BACKENDS, "podDisruptionBudget.minAvailable=2"),
            "podDisruptionBudget.minAvailable: 2 of 2 pods: no pod could ever be evicted",
        ),
        ((BACKENDS, "podDisruptionBudget.minAvailable=100%"), "podDisruptionBudget.minAvailable: 100% of 2 pods"),
        ((BACKENDS, "podDisruptionBudget.maxUnavailable=0"), "podDisruptionBudget.maxUnavailable: 0: no pod could"),
        ((BACKENDS, "serviceMonitor.enabled=true", "podMonitor.enabled=true"), "every pod would be scraped twice"),
        ((SERVICE, "kind=Sidecar", "serviceMonitor.enabled=true"), "serviceMonitor.enabled: kind Sidecar has no Service"),
        (
            (BACKENDS, "service.externalTrafficPolicy=Local"),
            "service.externalTrafficPolicy: Local: service.type ClusterIP has no traffic from outside",
        ),
        ((BACKENDS, "service.trafficDistribution=PreferClose"), "Kubernetes has it since 1.30, and this is v1.29.0"),
        ((BACKENDS, "service.ports.80.port=8080"), "service.ports.80: no listener has this port: expected one of 8000"),
        (
            (BACKENDS, "config.listen={0.0.0.0:80,0.0.0.0:81}", "service.ports.80.port=81"),
            "service.ports: port 81 of the Service leads to two listeners",
        ),
        ((BACKENDS, "config.listen=*:8000"), "config: the address of default is *:8000: expected one like 0.0.0.0:8000"),
        ((BACKENDS, "config.listen=0.0.0.0:0"), "config: the address of default is 0.0.0.0:0: expected one like"),
        ((BACKENDS, "config.admin=0.0.0.0:99999"), "the address of admin is 0.0.0.0:99999: expected one like"),
        ((BACKENDS, "config.admin=[0::1]:9000"), "config.admin: [0::1]:9000: kubelet's probes and Prometheus do not"),
        ((BACKENDS, "config.listen={0.0.0.0:80,[0::0]:80}"), "config: port 80 is used by the listener default and by"),
        ((BACKENDS, "config.drain.grace=99999h"), "config.drain.grace: 99999h: expected at most 720h"),
        (("config.pools.a__b.backends=b:1",), "config.pools.a__b: two underscores separate the parts of a variable"),
        (
            (BACKENDS, "secretConfig.POOLS__X__HEALTH__PASSWORD.name=a", "secretConfig.POOLS__X__HEALTH__PASSWORD.key=b"),
            "secretConfig.POOLS__X__HEALTH__PASSWORD: no pool is called x",
        ),
        ((BACKENDS, "service.clusterIP=None", "service.type=NodePort"), "service.clusterIP: None: service.type NodePort"),
        ((BACKENDS, "service.clusterIP=None", "service.ports.8000.port=80"), "service.ports.8000.port: a headless Service"),
        ((BACKENDS, "service.ports.8000.nodePort=30000"), "service.ports.8000.nodePort: service.type is ClusterIP"),
        ((BACKENDS, "service.loadBalancerClass=x"), "service.loadBalancerClass: service.type is ClusterIP: expected type"),
        (
            (BACKENDS, "service.loadBalancerSourceRanges={10.0.0.0/8}", "service.type=NodePort"),
            "service.loadBalancerSourceRanges: service.type is NodePort: expected type LoadBalancer",
        ),
        (
            (BACKENDS, "service.ipFamilies={IPv4,IPv6}", "service.ipFamilyPolicy=SingleStack"),
            "service.ipFamilyPolicy: SingleStack: service.ipFamilies has two: expected one, or PreferDualStack",
        ),
        ((BACKENDS, "service.trafficDistribution=PreferSameNode"), "PreferSameNode: Kubernetes has it since 1.34, and this"),
        ((BACKENDS, "podDisruptionBudget.minAvailable=60%"), "podDisruptionBudget.minAvailable: 60% of 2 pods"),
        ((BACKENDS, "updateStrategy.type=OnDelete"), "updateStrategy.type: OnDelete: a Deployment has no such strategy"),
        (
            (BACKENDS, "updateStrategy.type=Recreate", "kind=DaemonSet"),
            "updateStrategy.type: Recreate: a DaemonSet has no such strategy: expected RollingUpdate or OnDelete",
        ),
        (
            (BACKENDS, "updateStrategy.type=Recreate", "updateStrategy.rollingUpdate.maxSurge=1"),
            "updateStrategy.rollingUpdate: updateStrategy.type is Recreate",
        ),
        (
            (BACKENDS, "updateStrategy.rollingUpdate.maxSurge=0", "updateStrategy.rollingUpdate.maxUnavailable=0%"),
            "updateStrategy.rollingUpdate: maxSurge and maxUnavailable are both 0",
        ),
        (
            (BACKENDS, "updateStrategy.rollingUpdate.maxSurge=1", "kind=DaemonSet"),
            "updateStrategy.rollingUpdate: in a DaemonSet one of maxSurge and maxUnavailable is 0",
        ),
        (
            (BACKENDS, "resources.limits.memory=64M"),
            "resources.limits.memory: 64M is less than the request of 96Mi: expected at least as much",
        ),
        ((BACKENDS, "securityContext.privileged=true"), "securityContext.privileged: Kubernetes takes it only with"),
        ((BACKENDS, "podMonitor.scrapeTimeout=1m"), "podMonitor.scrapeTimeout: 1m is more than the interval: expected"),
        ((BACKENDS, "fullnameOverride=1a"), "fullnameOverride: a Service cannot be called 1a: expected a name of"),
        ((BACKENDS, r"labels.app\.kubernetes\.io/managed-by=me"), "labels: app.kubernetes.io/managed-by is given by the"),
        ((BACKENDS, r"podLabels.app\.kubernetes\.io/name=foo"), "podLabels: app.kubernetes.io/name is given by the chart"),
        (
            (BACKENDS, r"serviceMonitor.labels.app\.kubernetes\.io/component=foo"),
            "serviceMonitor.labels: app.kubernetes.io/component is given by the chart",
        ),
        ((BACKENDS, "podAnnotations.checksum/config=x"), "podAnnotations: checksum/config is given by the chart"),
        (
            (BACKENDS, "networkPolicy.enabled=true", "networkPolicy.egress.enabled=true"),
            "networkPolicy.egress.backends: no rule, so that no backend could be reached",
        ),
    ],
)
def test_values_that_contradict_each_other_are_refused_with_what_would_be_right(
    values: tuple[str, ...], message: str
) -> None:
    assert message in refusal(*values)


@pytest.mark.parametrize("release", ["a.b", "1edge"])
def test_a_release_whose_name_no_service_can_have_is_refused(release: str) -> None:
    assert f"a Service cannot be called {release}-tidegate" in refusal(BACKENDS, release=release)


def test_no_value_can_be_taken_away_with_null_but_for_those_that_may_be_empty() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    message = refusal(*(f"{key}=null" for key in values if key not in NULLABLE))
    named = set(re.findall(r"'([^']+)'", message.partition("at '': missing")[2].splitlines()[0]))
    assert named == set(values) - NULLABLE
    for key in ("image", "service", "probes", "networkPolicy", "podDisruptionBudget", "autoscaling", "serviceMonitor"):
        wanted = set(values[key]) - NULLABLE
        message = refusal(BACKENDS, *(f"{key}.{name}=null" for name in wanted))
        assert set(re.findall(r"'([^'/]+)'", message.partition(f"at '/{key}': missing")[2].splitlines()[0])) == wanted


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema of an object in a schema."""
    if isinstance(schema, list):
        for item in schema:
            yield from objects(item)
    elif isinstance(schema, dict):
        if "object" in schema.get("type", ()):
            yield schema
        for part in schema.values():
            yield from objects(part)


def test_every_object_is_closed_but_for_those_that_kubernetes_looks_at_itself() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    found = list(objects(schema))
    assert len(found) > 50
    for each in found:
        is_closed = each.get("additionalProperties") is False
        is_of_one_kind = isinstance(each.get("additionalProperties"), dict)
        assert is_closed or is_of_one_kind or each.get("$comment") in OPEN


def test_every_value_has_a_schema_and_the_schema_has_no_other() -> None:
    def keys(values: Any, schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, bool]]:
        for key in values.keys() | schema.get("properties", {}).keys():
            yield f"{path}{key}", key in values and key in schema.get("properties", {})
            below = schema.get("properties", {}).get(key, {})
            if isinstance(values.get(key), dict) and "properties" in below:
                yield from keys(values[key], below, f"{path}{key}.")

    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    missing = {path for path, is_both in keys(values, schema) if not is_both}
    assert missing == {"enabled", "global"}


def test_no_pattern_needs_what_the_expressions_of_helm_do_not_have() -> None:
    text = (CHART / "values.schema.json").read_text()
    assert not re.search(r"\(\?[=!<]|\{[0-9]*,?[0-9]{4,}\}", text)
