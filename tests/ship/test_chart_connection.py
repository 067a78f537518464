"""The pod of `helm test`: its command, run against a real proxy."""

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT

from tests.ship.helm import Manifest, only, render, value_set
from tests.support.backends import echo, running_backend
from tests.support.ports import free_port
from tests.support.proxy import running_proxy

LONGEST = 20.0


def command(name: str) -> list[str]:
    manifest: Manifest = only(render(value_set(name)), "Pod")
    (container,) = manifest["spec"]["containers"]
    words: list[str] = container["command"]
    return words


async def ended(*addresses: str) -> tuple[int | None, str]:
    """How the pod's program ends when it is given these addresses."""
    python, option, program, *_ = command("many-pools")
    assert (python, option) == ("python", "-c")
    process = await asyncio.create_subprocess_exec(sys.executable, option, program, *addresses, stdout=PIPE, stderr=STDOUT)
    async with asyncio.timeout(LONGEST):
        output, _ = await process.communicate()
    return process.returncode, output.decode()


def test_it_asks_the_admin_service_and_every_port_of_the_service() -> None:
    assert command("many-pools")[3:] == [
        "http://edge-tidegate-admin.edge:9000/readyz",
        "edge-tidegate.edge:8000",
        "edge-tidegate.edge:8443",
        "edge-tidegate.edge:6379",
    ]
    assert command("load-balancer")[3:] == ["http://edge-tidegate-admin.edge:9000/readyz", "edge-tidegate.edge:443"]


def test_it_is_a_hook_and_goes_when_it_has_succeeded() -> None:
    annotations = only(render(value_set("many-pools")), "Pod")["metadata"]["annotations"]
    assert annotations["helm.sh/hook"] == "test"
    assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"


async def test_it_succeeds_where_the_proxy_is_ready_and_accepts() -> None:
    async with running_backend(echo) as backend, running_proxy(BACKENDS=backend.name) as proxy:
        code, output = await ended(f"{proxy.admin_url}/readyz", f"127.0.0.1:{proxy.port}")
    assert (code, f"127.0.0.1:{proxy.port} accepts connections" in output) == (0, True), output


async def test_it_fails_where_the_proxy_is_not_ready_or_does_not_accept() -> None:
    async with running_proxy(BACKENDS=f"127.0.0.1:{free_port()}", wait=False) as proxy:
        await proxy.event("listener_bound")
        code, output = await ended(f"{proxy.admin_url}/readyz")
        assert (code, "503" in output) == (1, True), output
        code, output = await ended(f"{proxy.admin_url}/livez", f"127.0.0.1:{free_port()}")
        assert (code, "refused" in output) == (1, True), output
