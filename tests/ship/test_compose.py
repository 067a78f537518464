"""deploy/compose.yaml: what it names is there, nothing is open that need not be, and Tidegate takes its settings."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ship.containers import ROOT
from tests.support.command import tidegate

FILE = ROOT / "deploy/compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=list(SERVICES))


def test_compose_takes_it() -> None:
    program = Path(sys.executable).with_name("check-jsonschema")
    checked = subprocess.run(
        [program, "--builtin-schema", "vendor.compose-spec", FILE], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


def test_four_processes_share_a_redis_behind_one_tidegate_that_is_watched() -> None:
    assert {"tidegate", "redis", "prometheus", "grafana", *(f"socketio-{number}" for number in range(1, 5))} == set(SERVICES)


@each_service
def test_a_service_writes_nowhere_but_to_its_volumes_and_gains_no_rights(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid"} & service.keys()


@each_service
def test_an_image_is_built_from_here_or_has_a_version(service: dict[str, Any]) -> None:
    if "build" in service:
        assert (FILE.parent / service["build"] / "Dockerfile").is_file()
    else:
        _, _, tag = service["image"].partition(":")
        assert any(character.isdigit() for character in tag)


@each_service
def test_what_is_mounted_is_there_and_cannot_be_written_or_is_a_volume(service: dict[str, Any]) -> None:
    for volume in service.get("volumes", []):
        source, _, rest = volume.partition(":")
        if source.startswith("."):
            assert (FILE.parent / source).exists(), f"{source} is not there"
            assert rest.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


def test_only_clients_reach_it_from_elsewhere() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert [port for port in published if not port.startswith("127.0.0.1:")] == ["8000:8000"]
    assert published.count("127.0.0.1:9000:9000") == 1


async def test_tidegate_takes_its_settings_and_each_backend_is_a_service() -> None:
    service = SERVICES["tidegate"]
    checked = await tidegate("check", variables=service["environment"])
    assert checked.code == 0, checked.errors
    backends = yaml.safe_load(checked.output)["pools"]["default"]["backends"]
    assert [backend["address"] for backend in backends] == [f"socketio-{number}:8000" for number in range(1, 5)]
    grace = yaml.safe_load(checked.output)["drain"]["grace"]
    assert int(service["stop_grace_period"].removesuffix("s")) > int(grace.removesuffix("s"))


def test_grafana_opens_with_the_dashboard() -> None:
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    folders = {folder: source for source, folder, *_ in (each.split(":") for each in SERVICES["grafana"]["volumes"])}
    assert (FILE.parent / folders[str(home.parent)] / home.name).is_file()


def test_prometheus_scrapes_the_admin_port() -> None:
    scraped = yaml.safe_load((FILE.parent / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    targets = [target for job in scraped for static in job["static_configs"] for target in static["targets"]]
    assert "tidegate:9000" in targets
