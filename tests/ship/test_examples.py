"""The examples: their manifests, and that they do what their texts say."""

import re
from pathlib import Path

import pytest
import yaml
from yamllint import linter  # type: ignore[import-untyped]
from yamllint.config import YamlLintConfig  # type: ignore[import-untyped]

from tests.ship.chart_files import CHART, ROOT
from tests.ship.helm import Manifest, configuration, only, proxy, render, run
from tests.ship.kubernetes_schemas import VERSIONS, problems
from tests.ship.plain_manifests import EXAMPLES, KUSTOMIZE, example_chart
from tests.ship.pods import SLICES, environment, mounted, not_restricted, roles
from tidegate.cli.check import check
from tidegate.settings.words import HealthType

STYLE = YamlLintConfig("{extends: relaxed, rules: {line-length: {max: 240}, indentation: disable, empty-values: enable}}")
MOVED = EXAMPLES / "ingress-nginx-tcp"
INSTALL = ROOT / "docs" / "install.md"
TEXTS = [*sorted(EXAMPLES.glob("*/README.md")), KUSTOMIZE / "README.md", CHART / "README.md", INSTALL]


def entries() -> dict[int, tuple[str, int | str]]:
    """What ingress-nginx had: port to Service and its port."""
    data: dict[str, str] = yaml.safe_load((MOVED / "tcp-services.yaml").read_text())["data"]
    split = {int(port): text.split(":") for port, text in data.items()}
    return {port: (service, int(name) if name.isdigit() else name) for port, (service, name) in split.items()}


def test_every_tcp_service_of_ingress_nginx_is_a_listener_and_a_pool() -> None:
    settings = configuration(render(MOVED / "values.yaml"))
    moved = {}
    for name, listener in settings["listeners"].items():
        source = settings["pools"][name]["kubernetes"]
        moved[int(listener["bind"].removeprefix("0.0.0.0:"))] = (source["service"], source["port"])
    assert moved == entries()


def test_what_was_a_port_of_ingress_nginx_is_one_of_the_load_balancer(tmp_path: Path) -> None:
    manifests = render(MOVED / "values.yaml")
    service = only(manifests, "Service", "tidegate")["spec"]
    assert service["type"] == "LoadBalancer"
    assert {port["port"] for port in service["ports"]} == set(entries())
    assert roles(manifests) == {name.split("/")[0]: [SLICES] for name, _ in entries().values()}
    assert check(environment(proxy(manifests), mounted(manifests, tmp_path))) == 0
    assert [line for version in VERSIONS for manifest in manifests for line in problems(manifest, version)] == []


def test_the_plain_sidecar_is_one_deployment_that_the_program_and_kubernetes_take(tmp_path: Path) -> None:
    manifests: list[Manifest] = list(yaml.safe_load_all((EXAMPLES / "sidecar" / "deployment.yaml").read_text()))
    assert [each["kind"] for each in manifests] == ["ConfigMap", "Service", "Deployment"]
    assert [line for version in VERSIONS for manifest in manifests for line in problems(manifest, version)] == []
    assert check(environment(proxy(manifests), mounted(manifests, tmp_path))) == 0
    spec = only(manifests, "Deployment")["spec"]["template"]["spec"]
    assert not_restricted(spec) == []
    ports = [each["env"][0]["value"] for each in spec["containers"]]
    assert configuration(manifests)["backends"] == [f"127.0.0.1:{port}" for port in ports]


def test_the_databases_are_checked_in_their_own_protocol() -> None:
    with example_chart("client-side-balancing") as chart:
        pools = configuration(render(chart=chart))["pools"]
    assert {name: pool["health"]["type"] for name, pool in pools.items()} == {
        "redis": HealthType.REDIS,
        "postgres": HealthType.POSTGRES,
    }


@pytest.mark.parametrize("example", ["sidecar-chart", "client-side-balancing"])
def test_helm_finds_nothing_to_say_against_an_example(example: str) -> None:
    with example_chart(example) as chart:
        finished = run("helm", "lint", "--strict", str(chart))
    assert finished.returncode == 0, finished.stdout
    depended = yaml.safe_load((EXAMPLES / example / "Chart.yaml").read_text())["dependencies"][0]
    assert depended["version"] == yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]


def test_all_yaml_is_written_alike() -> None:
    files = [
        *ROOT.glob("deploy/**/*.yaml"),
        *ROOT.glob("tests/ship/values/*.yaml"),
        CHART / "values.yaml",
        CHART / "Chart.yaml",
    ]
    plain = [path for path in files if "templates" not in path.parts]
    problems = [f"{path}:{each.line}: {each.desc}" for path in plain for each in linter.run(path.read_text(), STYLE)]
    assert len(plain) > 30
    assert problems == []


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_files_that_a_text_names_exist(text: Path) -> None:
    content = text.read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", content) if "://" not in link]
    paths = re.findall(r"(?<![\w/.])((?:deploy|helm|docs)/[\w./-]+)", content)
    assert all((text.parent / link).exists() for link in links), links
    assert all((ROOT / path.rstrip(".")).exists() for path in paths), paths
    assert links or paths


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_chart_takes_what_the_commands_of_a_text_set(text: Path) -> None:
    commands = re.findall(r"^\$ helm install \S+ helm/tidegate (.*)$", text.read_text().replace("\\\n", ""), re.MULTILINE)
    for command in commands:
        options = re.findall(r"(--set|-f) ('[^']*'|\S+)", command)
        given = [ROOT / value if option == "-f" else value.strip("'") for option, value in options]
        assert given
        assert render(*given)


def test_the_chart_takes_what_the_table_of_the_installation_sets() -> None:
    rows = [re.findall(r"`'?([\w.]+=[^`']+)'?`", line) for line in INSTALL.read_text().splitlines() if line.startswith("| ")]
    given = [row for row in rows if row and row != ["rbac.create=false"]]
    assert len(given) > 6
    for row in given:
        backends = [] if row[0].startswith("config.backends") else ["config.kubernetes.service=chat/socketio"]
        assert render(*backends, *row), row


def test_the_chart_takes_the_values_that_the_installation_shows(tmp_path: Path) -> None:
    block = re.search(r"```yaml\n(config:.*?)```", INSTALL.read_text(), re.DOTALL)
    assert block
    (tmp_path / "values.yaml").write_text(block[1])
    assert proxy(render(tmp_path / "values.yaml"))
