"""A Service as the source of a pool's backends."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from tidegate.settings.checks.problem import SettingsError
from tidegate.settings.effective import effective
from tidegate.settings.loading import load_settings
from tidegate.settings.model import Settings
from tidegate.settings.notation.values import Notation
from tidegate.settings.parts.kubernetes import PORT, SERVICE
from tidegate.settings.words import KubernetesApi, ServiceName

IN_CLUSTER = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def settings_of(namespace: str | None = None, others: Any = None, **variables: Any) -> Settings:
    file = Path("/nowhere") if namespace is None else Path(namespace)
    environ = {f"TIDEGATE_{name}": value for name, value in variables.items()} | (others or {})
    return load_settings(environ, file)


def problems_of(**variables: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        settings_of(**variables)
    return caught.value.problems


def test_one_variable_is_enough() -> None:
    pool = settings_of(KUBERNETES__SERVICE="chat/socketio").pools["default"]
    assert pool.kubernetes.service == ServiceName("chat", "socketio")
    assert pool.backends == ()
    assert (pool.kubernetes.port, pool.kubernetes.api) == (None, KubernetesApi.ENDPOINTSLICES)
    assert (pool.kubernetes.node, pool.kubernetes.zone, pool.kubernetes.kubeconfig) == (None, None, None)


def test_a_name_alone_is_in_the_namespace_of_the_pod_but_not_with_a_kubeconfig(tmp_path: Path) -> None:
    namespace, kubeconfig = tmp_path / "namespace", tmp_path / "config"
    namespace.write_text("chat\n")
    kubeconfig.write_text("{}")
    pool = settings_of(str(namespace), IN_CLUSTER, KUBERNETES__SERVICE="socketio").pools["default"]
    assert pool.kubernetes.service == ServiceName("chat", "socketio")
    with pytest.raises(SettingsError, match="'socketio': expected namespace/name, like chat/socketio"):
        settings_of(str(namespace), IN_CLUSTER, KUBERNETES__SERVICE="socketio", KUBERNETES__KUBECONFIG=str(kubeconfig))
    with pytest.raises(SettingsError, match=r"^TIDEGATE_KUBERNETES__SERVICE: 'socketio': expected namespace/name"):
        settings_of(str(namespace), KUBERNETES__SERVICE="socketio")
    with pytest.raises(SettingsError, match="the name alone only inside a cluster"):
        settings_of(None, IN_CLUSTER, KUBERNETES__SERVICE="socketio")


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"SERVICE": "a/b/c"}, "TIDEGATE_KUBERNETES__SERVICE: 'a/b/c': expected namespace/name, like chat/socketio"),
        ({"SERVICE": "Chat/web"}, "TIDEGATE_KUBERNETES__SERVICE: 'Chat/web': expected namespace/name"),
        ({"PORT": "70000"}, "TIDEGATE_KUBERNETES__PORT: '70000': expected the name of a port of the Service, or"),
        ({"PORT": "Http"}, "TIDEGATE_KUBERNETES__PORT: 'Http': expected the name of a port"),
        ({"API": "slices"}, "TIDEGATE_KUBERNETES__API: 'slices': expected one of endpointslices, endpoints"),
        ({"ZONE": "a b"}, "TIDEGATE_KUBERNETES__ZONE: 'a b': expected the name of a zone"),
        ({"NODE": "-"}, "TIDEGATE_KUBERNETES__NODE: '-': expected the name of a node"),
        ({"KUBECONFIG": "/nowhere"}, "TIDEGATE_KUBERNETES__KUBECONFIG: '/nowhere': no such file: expected the path of"),
    ],
)
def test_a_refusal_names_the_variable_and_what_would_be_valid(variables: dict[str, str], line: str) -> None:
    given = {f"KUBERNETES__{name}": value for name, value in ({"SERVICE": "chat/web"} | variables).items()}
    (problem,) = problems_of(**given)
    assert problem.startswith(line)


@pytest.mark.parametrize(("written", "port"), [("http", "http"), ("8080", 8080), ("8x", "8x")])
def test_a_port_is_a_name_or_a_number(written: str, port: str | int) -> None:
    pool = settings_of(KUBERNETES__SERVICE="chat/web", KUBERNETES__PORT=written).pools["default"]
    assert pool.kubernetes.port == port


@pytest.mark.parametrize(
    ("notation", "written", "is_valid"),
    [
        (SERVICE, "web", True),
        (SERVICE, "chat/web", True),
        (SERVICE, "Chat/web", False),
        (SERVICE, 7, False),
        (PORT, "http", True),
        (PORT, 8080, True),
        (PORT, 70000, False),
        (PORT, "Http", False),
    ],
)
def test_the_schema_of_a_service_and_a_port_takes_what_people_write(
    notation: Notation, written: object, *, is_valid: bool
) -> None:
    assert Draft7Validator(notation.schema).is_valid(written) is is_valid


def test_backends_from_two_sources_are_refused_with_both_names() -> None:
    assert problems_of(KUBERNETES__SERVICE="chat/web", BACKENDS="a:1") == (
        "TIDEGATE_KUBERNETES__SERVICE: 'chat/web': the pool's backends are also given by TIDEGATE_BACKENDS: "
        "give only one of them",
    )


@pytest.mark.parametrize(
    ("key", "value"), [("PORT", "http"), ("API", "endpoints"), ("NODE", "n1"), ("ZONE", "z"), ("CONTEXT", "dev")]
)
def test_settings_of_kubernetes_without_a_service_are_refused(key: str, value: str) -> None:
    (problem,) = problems_of(BACKENDS="a:1", **{f"KUBERNETES__{key}": value})
    assert problem.startswith(f"TIDEGATE_KUBERNETES__{key}: '{value}': there is no Service")


def test_a_context_without_a_kubeconfig_is_refused() -> None:
    (problem,) = problems_of(KUBERNETES__SERVICE="chat/web", KUBERNETES__CONTEXT="dev")
    assert problem.startswith("TIDEGATE_KUBERNETES__CONTEXT: 'dev': there is no kubeconfig")


def test_the_effective_settings_are_a_file_with_the_same_meaning(tmp_path: Path) -> None:
    settings = settings_of(KUBERNETES__SERVICE="chat/web", KUBERNETES__PORT="8080", KUBERNETES__ZONE="zone-a")
    file = tmp_path / "tide.yaml"
    file.write_text(yaml.safe_dump(effective(settings)))
    assert settings_of(CONFIG_FILE=str(file)) == settings


def test_a_kubeconfig_that_cannot_be_looked_for_is_a_problem_like_any_other() -> None:
    (problem,) = problems_of(KUBERNETES__SERVICE="chat/web", KUBERNETES__KUBECONFIG="/" + "x" * 300)
    assert problem.startswith("TIDEGATE_KUBERNETES__KUBECONFIG: '/xxx")
    assert problem.endswith("cannot be read: File name too long: expected the path of a kubeconfig")
