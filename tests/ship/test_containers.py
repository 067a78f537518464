"""The chart's Deployment, rendered by helm and played by podman: the image as a cluster would run it, without one."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.ship.containers import ROOT, Engine, play_kube
from tests.support.backends import echo, running_backend
from tests.support.clients import connect
from tests.support.ports import free_ports
from tests.support.waiting import until

pytestmark = [pytest.mark.container, pytest.mark.timeout(900)]  # whichever is first may build the image

MEMORY = 128 * 1024**2
PLAYED = {"ConfigMap", "Deployment"}


def rendered(image: str, folder: Path, **config: object) -> str:
    """What podman can play of the chart with these settings, bound to loopback, which the chart itself refuses."""
    repository, _, tag = image.rpartition(":")
    values = {
        "replicas": 1,
        "image": {"repository": repository, "tag": tag, "pullPolicy": "Never"},
        "config": config,
        "resources": {"limits": {"memory": str(MEMORY)}},
    }
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    helm = Path(sys.executable).with_name("helm")
    command = [str(helm), "template", "played", str(ROOT / "helm/tidegate"), "--values", str(file)]
    manifests = subprocess.run(command, capture_output=True, text=True, check=False)
    assert manifests.returncode == 0, manifests.stderr
    objects = [item for item in yaml.safe_load_all(manifests.stdout) if item and item["kind"] in PLAYED]
    assert {item["kind"] for item in objects} == PLAYED
    return yaml.safe_dump_all(objects).replace("0.0.0.0:", "127.0.0.1:")


async def serves(port: int) -> bool:
    try:
        client = await connect(port)
    except OSError:
        return False
    try:
        return await client.ask(b"hello") == b"hello"
    except (OSError, EOFError):
        return False
    finally:
        await client.close()


async def test_the_charts_deployment_serves_under_its_restrictions_and_ends_with_0(
    engine: Engine, image: str, folder: Path
) -> None:
    port, admin = free_ports(2)
    async with running_backend(echo) as backend:
        manifest = rendered(
            image,
            folder,
            listen=f"0.0.0.0:{port}",
            admin=f"0.0.0.0:{admin}",
            backends=[backend.name],
            drain={"delay": "1s", "grace": "2s"},
        )
        async with play_kube(engine, manifest, folder) as pod:
            await until(lambda: serves(port), seconds=30)
            details = (await pod.containers())["tidegate"]
            assert details["HostConfig"]["ReadonlyRootfs"] is True
            assert not details["EffectiveCaps"]
            assert details["HostConfig"]["Memory"] == MEMORY
            assert details["Config"]["User"].startswith("65532")
            await pod.stop(seconds=10)
            assert await pod.exit_code("tidegate") == 0
            assert '"event":"stopped"' in (await pod.logs("tidegate")).replace(" ", "")
