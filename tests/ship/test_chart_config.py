"""`config`: every setting of the program, as the program takes it."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from tests.ship.chart_files import CHART
from tests.ship.config_schema import config_definitions
from tests.ship.helm import VALUE_SETS, configuration, pod_specs, proxy, render, run, value_set
from tests.ship.pods import SECRETS, environment, mounted
from tests.support.command import tidegate
from tidegate.cli.check import check
from tidegate.settings.effective import effective
from tidegate.settings.loading import load_settings
from tidegate.settings.model import Settings
from tidegate.settings.reading.names import ANY_NAME, CONFIG_FILE, TREE, Branch, leaves

OTHERS = {
    ("accept_burst_per_client",): 10,
    ("allow",): "10.0.0.0/8, 2001:db8::/32",
    ("deny",): ["192.0.2.1"],
    ("proxy_protocol", "from"): "10.0.0.0/8",
    ("dns", "name"): "chat.internal",
    ("dns", "port"): 8001,
    ("dns", "resolver"): "10.96.0.10:53",
    ("kubernetes", "service"): "chat/socketio",
    ("kubernetes", "port"): "ws",
    ("kubernetes", "node"): "node-1",
    ("kubernetes", "zone"): "eu-1a",
    ("kubernetes", "kubeconfig"): __file__,
    ("kubernetes", "context"): "east",
    ("health", "initial"): "up",
    ("health", "port"): 8002,
    ("health", "address"): "10.0.0.9",
    ("health", "host"): "chat.internal",
    ("health", "server_name"): "chat.internal",
    ("health", "ca_file"): "/etc/ssl/certs/ca-certificates.crt",
    ("health", "send"): r"PING\r\n",
    ("health", "expect"): r"+PONG\r\n",
    ("health", "expect_regex"): "^220 ",
    ("health", "user"): "probe",
    ("health", "service"): "chat.Rooms",
    ("health", "headers"): {"X-Probe": "tidegate"},
    ("log", "format"): "json",
    ("backends",): "10.0.0.5:8001 weight=2, 10.0.0.6:8001",
    ("bind",): "0.0.0.0:8000",
    ("listen",): "0.0.0.0:8000",
    ("pool",): "chat",
    ("accept_burst",): 5,
    ("peer_timeout",): "2m",
    ("workers",): "auto",
}
"""A value for each setting that has no plain default."""


def paths(schema: dict[str, Any], definitions: dict[str, Any], keys: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The keys of every value that a schema knows; a list is a value."""
    schema = definitions[schema["$ref"].removeprefix("#/definitions/")] if "$ref" in schema else schema
    below = dict(schema.get("properties", {}))
    below.update((ANY_NAME, part) for part in schema.get("patternProperties", {}).values())
    for key, part in below.items():
        yield from paths(part, definitions, (*keys, key))
    if not below:
        yield keys


def defaults() -> dict[str, Any]:
    """The defaults of all settings, in the flat form and in the named one."""
    named: dict[str, Any] = effective(load_settings({"TIDEGATE_BACKENDS": "10.0.0.5:8001"}))
    sources = {"dns": {"type": "auto", "timeout": "5s", "max_interval": "10s"}, "kubernetes": {"api": "endpointslices"}}
    return {**named["listeners"]["default"], **named["pools"]["default"], **sources, **named}


def sample(keys: tuple[str, ...]) -> object:
    """A value for a setting: its default where there is one."""
    keys = keys[2:] if keys[1:2] == (ANY_NAME,) else keys
    if keys[-2:] in OTHERS or keys in OTHERS:
        return OTHERS[keys[-2:]]
    value: Any = defaults()
    for key in keys:
        value = value[key]
    found: object = value
    return found


def nested(keys: tuple[str, ...], value: object) -> object:
    for key in reversed(keys):
        value = {"default" if key == ANY_NAME else key: value}
    return value


@cache
def validator() -> Draft7Validator:
    schema = json.loads((CHART / "values.schema.json").read_text())
    return Draft7Validator({"$ref": "#/definitions/Settings", "definitions": schema["definitions"]})


def test_the_schema_has_every_setting_of_the_program_and_no_other() -> None:
    definitions = config_definitions()
    known = set(paths(definitions["Settings"], definitions))
    assert known == set(leaves())
    assert len(known) > 150


def test_every_setting_is_taken_with_its_value_and_not_with_a_mapping() -> None:
    for keys in leaves():
        if keys not in SECRETS:
            assert list(validator().iter_errors(nested(keys, sample(keys)))) == [], keys
        assert list(validator().iter_errors(nested(keys, {"surely": ["not"]}))), keys


def test_every_part_refuses_a_key_that_the_program_does_not_know() -> None:
    def branches(branch: Branch, keys: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        if ANY_NAME not in branch:
            yield keys
        for key, below in branch.items():
            if below is not None:
                yield from branches(below, (*keys, key))

    for keys in branches(TREE):
        (error,) = validator().iter_errors(nested(keys, {"intervall": 1}))
        assert "intervall" in error.message


def test_all_settings_together_reach_the_program(tmp_path: Path) -> None:
    given = tmp_path / "values.yaml"
    settings = effective(load_settings({"TIDEGATE_BACKENDS": "10.0.0.5:8001 weight=2, 10.0.0.6:8001 backup"}))
    settings["log"] = {"level": "debug", "format": "json"}
    given.write_text(yaml.safe_dump({"config": settings}))
    file = mounted(render(given), tmp_path)
    assert effective(load_settings({CONFIG_FILE: str(file)})) == settings


def test_the_process_has_the_keys_that_the_chart_leaves_out_of_the_default_pool() -> None:
    text = (CHART / "templates" / "_config.tpl").read_text()
    found = re.search(r'define "tidegate.processKeys" -}}\n\[(.*)\]', text)
    assert found
    assert found[1].split(", ") == list(Settings.model_fields)


@pytest.mark.parametrize(
    "values", [path for path in VALUE_SETS if path.stem not in {"sidecar", "kubeconfig"}], ids=lambda p: p.stem
)
def test_the_program_takes_the_rendered_settings(values: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifests = render(values)
    code = check(environment(proxy(manifests), mounted(manifests, tmp_path)))
    printed = capsys.readouterr()
    assert (code, printed.err) == (0, "")
    assert "listeners:" in printed.out


async def test_the_command_takes_them_too_with_the_names_of_variables_that_the_chart_makes(tmp_path: Path) -> None:
    manifests = render(value_set("many-pools"))
    variables = environment(proxy(manifests), mounted(manifests, tmp_path))
    finished = await tidegate("check", variables=variables)
    assert finished.code == 0, finished.errors
    settings = yaml.safe_load(finished.output)
    assert settings["pools"]["chat"]["kubernetes"]["node"] == "node-7"
    assert settings["pools"]["data-base"]["kubernetes"]["node"] == "node-1"
    assert settings["pools"]["redis"]["health"]["password"].strip("*") == ""
    assert settings["listeners"]["redis"]["max_connections"] == 1_000_000


def test_a_pool_of_another_cluster_gets_no_node_of_this_one() -> None:
    container = proxy(render(value_set("kubeconfig")))
    assert [entry["name"] for entry in container["env"]] == [CONFIG_FILE]


def test_the_kubeconfig_of_another_cluster_may_come_from_a_volume(tmp_path: Path) -> None:
    manifests = render(value_set("kubeconfig"))
    settings = configuration(manifests)
    mount = proxy(manifests)["volumeMounts"][-1]
    assert settings["kubernetes"]["kubeconfig"].startswith(f"{mount['mountPath']}/")
    there = tmp_path / "kubeconfig"
    there.touch()
    settings["kubernetes"]["kubeconfig"] = str(there)
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(settings))
    assert load_settings(environment(proxy(manifests), file)).pools["default"].kubernetes.context is None


def test_keys_in_a_kubeconfig_have_a_place_in_memory_and_nothing_else_can_be_written() -> None:
    for values, writable in (("kubeconfig", ["/tmp"]), ("kubernetes-service", [])):
        mounts = proxy(render(value_set(values)))["volumeMounts"]
        assert [mount["mountPath"] for mount in mounts if not mount.get("readOnly")] == writable
    (spec, _) = pod_specs(render(value_set("kubeconfig")))
    (keys,) = (volume for volume in spec["volumes"] if volume["name"] == "tidegate-keys")
    assert keys["emptyDir"]["medium"] == "Memory"


def test_ports_are_those_of_the_listeners_that_others_can_reach() -> None:
    ports = {port["name"]: port["containerPort"] for port in proxy(render(value_set("many-pools")))["ports"]}
    assert ports == {"tcp-8000": 8000, "tcp-8443": 8443, "tcp-6379": 6379, "tidegate-admin": 9000}
    six = {port["name"]: port["containerPort"] for port in proxy(render(value_set("dns")))["ports"]}
    assert six == {"tcp-8000": 8000, "tidegate-admin": 9100}


def test_a_unix_socket_is_no_port_and_is_mounted_as_other_folders_are() -> None:
    manifests = render(
        "config.backends=unix:/run/shared/app.sock",
        "config.listen=unix:/run/shared/tidegate.sock mode=0660\\, 0.0.0.0:8000",
        "extraVolumeMounts[0].name=shared",
        "extraVolumeMounts[0].mountPath=/run/shared",
    )
    ports = {port["name"]: port["containerPort"] for port in proxy(manifests)["ports"]}
    assert ports == {"tcp-8000": 8000, "tidegate-admin": 9000}
    assert "/run/shared" in [mount["mountPath"] for mount in proxy(manifests)["volumeMounts"]]


@pytest.mark.parametrize(
    "routes",
    [
        "routes=host=api.example.com path=/v1/?pool=x pool=api; sni=old.example.com pool=",
        "routes[0].pool=api",
        "routes[0]=pool=api",
    ],
)
def test_a_pool_may_be_used_by_routes_alone(routes: str) -> None:
    pools = ("config.listeners.edge.pool=chat", "config.pools.chat.backends=a:1", "config.pools.api.backends=b:1")
    render(*pools, "config.listeners.edge.bind=0.0.0.0:8000", f"config.listeners.edge.{routes}")


def test_a_large_number_stays_one(tmp_path: Path) -> None:
    manifests = render("config.backends=a:1", "config.max_connections=10000000")
    file = mounted(manifests, tmp_path)
    assert load_settings({CONFIG_FILE: str(file)}).listeners["default"].max_connections == 10_000_000


def test_lists_given_on_the_command_line_are_backends() -> None:
    config = configuration(render("config.backends={10.0.0.5:8001,10.0.0.6:8001}"))
    assert config == {"backends": ["10.0.0.5:8001", "10.0.0.6:8001"]}


def test_a_service_without_a_namespace_is_in_that_of_the_release() -> None:
    assert configuration(render("config.kubernetes.service=socketio")) == {"kubernetes": {"service": "edge/socketio"}}


def test_the_notes_tell_the_next_three_commands() -> None:
    release = ("edge", str(CHART), "-n", "edge", "--set", "config.backends=10.0.0.5:8001")
    notes = run("helm", "install", *release, "--dry-run=client").stdout.split("NOTES:")[1]
    assert "port 8000" in notes
    assert "The image is tidegate:0.1.0, without a registry" in notes
    assert [line.strip().split("   #")[0] for line in notes.splitlines() if line.startswith("  ")] == [
        "kubectl -n edge rollout status deployment/edge-tidegate",
        "helm -n edge test edge",
        "kubectl -n edge port-forward deployment/edge-tidegate 9000",
    ]
    of_ones_own = (*release, "--set", "image.repository=registry.example.com/tidegate")
    assert "registry" not in run("helm", "install", *of_ones_own, "--dry-run=client").stdout.split("NOTES:")[1]
