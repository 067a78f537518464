"""The shapes in which the image runs elsewhere: a manifest of Kubernetes, played by podman."""

from pathlib import Path

import pytest
import yaml

from tests.ship.containers import Engine, play_kube
from tests.support.backends import echo, running_backend
from tests.support.clients import connect
from tests.support.ports import free_ports
from tests.support.waiting import until

pytestmark = pytest.mark.container

RESTRICTED = {
    "runAsNonRoot": True, "runAsUser": 65532, "readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}  # fmt: skip


def deployment(image: str, **settings: str) -> str:
    container = {
        "name": "tidegate", "image": image, "imagePullPolicy": "Never", "securityContext": RESTRICTED,
        "env": [{"name": f"TIDEGATE_{name}", "value": value} for name, value in settings.items()],
        "envFrom": [{"configMapRef": {"name": "tidegate-settings"}}],
        "resources": {"limits": {"memory": "128Mi"}},
    }  # fmt: skip
    template = {"metadata": {"labels": {"app": "tidegate"}}, "spec": {"containers": [container]}}
    objects = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tidegate-settings"},
         "data": {"TIDEGATE_HEALTH__INTERVAL": "200ms", "TIDEGATE_HEALTH__TIMEOUT": "200ms", "TIDEGATE_DRAIN__GRACE": "1s"}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "tidegate-played"},
         "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "tidegate"}}, "template": template}},
    ]  # fmt: skip
    return yaml.safe_dump_all(objects)


async def test_a_deployment_with_a_config_map_serves_under_restrictions_and_ends_with_0(
    engine: Engine, image: str, folder: Path
) -> None:
    port, admin = free_ports(2)
    async with running_backend(echo) as backend:
        manifest = deployment(image, LISTEN=f"127.0.0.1:{port}", ADMIN=f"127.0.0.1:{admin}", BACKENDS=backend.name)
        async with play_kube(engine, manifest, folder) as pod:

            async def serves() -> bool:
                try:
                    client = await connect(port)
                except OSError:
                    return False
                try:
                    return await client.ask(b"hello") == b"hello"
                finally:
                    await client.close()

            await until(serves, seconds=30)
            details = (await pod.containers())["tidegate"]
            assert details["HostConfig"]["ReadonlyRootfs"] is True
            assert details["EffectiveCaps"] in ([], None)
            assert details["HostConfig"]["Memory"] == 128 * 1024**2
            await pod.stop(seconds=5)
            assert await pod.exit_code("tidegate") == 0
            assert '"event":"stopped"' in (await pod.logs("tidegate")).replace(" ", "")
