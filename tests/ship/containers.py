"""Containers: the engine that runs them, the image, a Tidegate inside one, and pods as `podman play kube` makes them."""

import asyncio
import json
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from tests.support.command import Finished, finish
from tests.support.ports import free_port
from tests.support.proxy import Proxy, is_ready
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
LONGEST = 60.0
# What a restricted pod gets, and docs/install.md promises.
RESTRICTED = (
    "--read-only", "--user", "65532:65532", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "256m",
)  # fmt: skip


@dataclass(frozen=True)
class Engine:
    """The program that runs containers, docker or podman, with the variables that it needs."""

    program: str
    environ: Mapping[str, str]

    @property
    def name(self) -> str:
        """`podman` or `docker`."""
        return Path(self.program).name

    async def finish(self, *arguments: str, seconds: float = LONGEST) -> Finished:
        """Run one of its commands to the end."""
        return await finish(self.program, *arguments, variables=self.environ, seconds=seconds)

    async def ask(self, *arguments: str) -> str:
        """What a command that must succeed prints."""
        finished = await self.finish(*arguments)
        assert finished.code == 0, f"{self.name} {' '.join(arguments)}: {finished.errors}"
        return finished.output

    async def inspect(self, kind: str, name: str) -> dict[str, Any]:
        """What it knows of an image, a container or a pod."""
        found = json.loads(await self.ask(kind, "inspect", name))
        first = found[0] if isinstance(found, list) else found
        assert isinstance(first, dict)
        return first


def find_engine(folder: Path, environ: Mapping[str, str]) -> Engine:
    """Podman, or docker where there is none; the folder keeps its settings.

    Raises AssertionError when there is neither.
    """
    program = shutil.which("podman") or shutil.which("docker")
    assert program is not None, "no podman and no docker: see tests/ship/system_packages.sh"
    settings = folder / "containers.conf"
    # Machines without systemd, and those that let nobody raise limits.
    settings.write_text(
        '[containers]\ndefault_ulimits = ["nofile=16384:16384", "nproc=4096:4096"]\n'
        '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        + ('runtime = "runc"\n' if shutil.which("runc", path=f"{environ['PATH']}:/usr/sbin") else "")
    )
    return Engine(program, {**environ, "CONTAINERS_CONF": str(settings)})


class Container(Proxy):
    """A Tidegate in a container, seen as a test sees a process: its log, its admin routes, signals, its exit code."""

    def __init__(self, process: asyncio.subprocess.Process, ports: tuple[int, int], engine: Engine, name: str) -> None:
        super().__init__(process, *ports)
        self.engine, self.name = engine, name

    async def execute(self, *command: str) -> Finished:
        """Run a command inside."""
        return await self.engine.finish("exec", self.name, *command)

    async def pid(self) -> int:
        """The number of its first process, as the machine counts."""
        return int((await self.engine.inspect("container", self.name))["State"]["Pid"])


@asynccontextmanager
async def running_container(
    engine: Engine, image: str, *, options: tuple[str, ...] = RESTRICTED, wait: bool = True, **settings: object
) -> AsyncIterator[Container]:
    """Run the image on the machine's network with these settings, `BACKENDS="127.0.0.1:8001"` and so on, until it is ready.

    It listens on free ports of 127.0.0.1. It is removed at the end.
    """
    ports = free_port(), free_port()
    name = f"tidegate-{uuid4().hex[:12]}"
    given = {"LISTEN": f"127.0.0.1:{ports[0]}", "ADMIN": f"127.0.0.1:{ports[1]}", "HEALTH__INTERVAL": "200ms",
             "HEALTH__TIMEOUT": "200ms", "DRAIN__GRACE": "2s", **settings}  # fmt: skip
    if engine.name == "podman" and "--read-only" in options:
        options = (*options, "--read-only-tmpfs=false")  # or there would be a /tmp to write to, as nowhere else
    variables = [word for key, value in given.items() for word in ("--env", f"TIDEGATE_{key}={value}")]
    process = await asyncio.create_subprocess_exec(
        engine.program, "run", "--rm", "--name", name, "--network", "host", *options, *variables, image,
        env=dict(engine.environ), stdin=DEVNULL, stdout=PIPE, stderr=PIPE, limit=1 << 20,
    )  # fmt: skip
    container = Container(process, ports, engine, name)
    readers = asyncio.gather(container.read_log(), container.read_errors())
    try:
        if wait:
            await until(lambda: is_ready(container), seconds=30)
        yield container
    finally:
        await engine.finish("rm", "--force", "--time", "0", name)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await readers


@dataclass(frozen=True)
class Pod:
    """A pod that `podman play kube` has made."""

    engine: Engine
    name: str

    async def containers(self) -> dict[str, dict[str, Any]]:
        """What podman knows of each container but that which holds the pod, by its name in the manifest."""
        found = (await self.engine.inspect("pod", self.name))["Containers"]
        known = {
            item["Name"].removeprefix(f"{self.name}-"): await self.engine.inspect("container", item["Name"])
            for item in found
        }
        return {name: details for name, details in known.items() if not name.endswith("-infra")}

    async def logs(self, container: str) -> str:
        """What a container has printed."""
        finished = await self.engine.finish("logs", f"{self.name}-{container}")
        return finished.output + finished.errors

    async def stop(self, *, seconds: int) -> None:
        """SIGTERM to all, and SIGKILL after so many seconds, as kubelet does it."""
        await self.engine.ask("pod", "stop", "--time", str(seconds), self.name)

    async def exit_code(self, container: str) -> int:
        """How a container has ended."""
        return int((await self.containers())[container]["State"]["ExitCode"])


def _without_ports(objects: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Podman refuses ports of a pod that is on the machine's network, where there is nothing to publish."""
    for item in objects:
        spec = item.get("spec", {})
        pod = spec.get("template", {}).get("spec", spec)
        for container in (*pod.get("containers", ()), *pod.get("initContainers", ())):
            container.pop("ports", None)
        yield item


@asynccontextmanager
async def play_kube(engine: Engine, manifest: str, folder: Path) -> AsyncIterator[Pod]:
    """The first pod of a manifest (a Pod, or what makes pods, with its ConfigMaps), on the machine's network; then removed.

    Whatever it listens on is open to the machine: bind it to 127.0.0.1, on a free port. An image that is only here needs
    `imagePullPolicy: Never` or a tag that is not `latest`.
    """
    assert engine.name == "podman", "only podman plays manifests"
    file = folder / f"{uuid4().hex[:12]}.yaml"
    file.write_text(yaml.safe_dump_all(_without_ports(yaml.safe_load_all(manifest))))
    try:
        played = await engine.ask("play", "kube", "--network", "host", str(file))
        pods = played.partition("Pod:\n")[2].split()
        assert pods, f"no pod in what was played: {played}"
        yield Pod(engine, (await engine.inspect("pod", pods[0]))["Name"])
    finally:
        await engine.finish("play", "kube", "--down", str(file))
