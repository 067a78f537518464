"""The image, really built and run as a restricted pod would run it: no root, no capability, nothing writable, 256 MB."""

import base64
import ssl
import sys
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import trustme
import yaml

from tests.ship.containers import RESTRICTED, ROOT, Engine, running_container
from tests.support.api_server import running_api_server
from tests.support.backends import echo, running_backend
from tests.support.clients import connect
from tests.support.command import Finished
from tests.support.compiled import runs_compiled
from tests.support.memory import proportional_set_size
from tests.support.slices import endpoint, endpoint_slice
from tests.support.waiting import until
from tidegate import __version__

pytestmark = [pytest.mark.container, pytest.mark.timeout(900)]  # whichever is first may build the image

MB = 1e6
LARGEST_IMAGE, LARGEST_PACKAGES, LARGEST_KUBERNETES = 160 * MB, 46 * MB, 5 * MB
MOST_MEMORY = 55 * MB  # control and one worker, with the interpreter, which nobody else here shares
GRACE = 3.0


async def in_image(engine: Engine, image: str, *command: str, root: bool = False) -> Finished:
    """Run a program of the image instead of Tidegate."""
    entrypoint, *arguments = command
    options = ("--user", "0", "--read-only") if root else RESTRICTED
    return await engine.finish("run", "--rm", "--network", "none", *options, "--entrypoint", entrypoint, image, *arguments)


async def tidegate(engine: Engine, image: str, *arguments: str, **settings: str) -> Finished:
    """Run a subcommand to its end."""
    variables = [word for key, value in settings.items() for word in ("--env", f"TIDEGATE_{key}={value}")]
    return await engine.finish("run", "--rm", "--network", "none", *RESTRICTED, *variables, image, *arguments)


async def test_a_restricted_container_serves_tells_and_ends_with_0_within_the_grace_while_a_session_lives(
    engine: Engine, image: str
) -> None:
    async with (
        running_backend(echo) as one,
        running_backend(echo) as other,
        running_container(engine, image, BACKENDS=f"{one.name},{other.name}", DRAIN__GRACE=f"{GRACE}s") as container,
    ):
        first, second = [await connect(container.port) for _ in range(2)]
        assert await first.ask(b"hello") == b"hello"
        assert await second.ask(b"world") == b"world"
        assert (one.connections, other.connections) == (1, 1)
        assert await container.metrics("tidegate_backend_up") == 2
        assert await container.metrics("tidegate_listener_connections_active") == 2
        assert await first.finish() == b""

        told = monotonic()
        await engine.ask("kill", "--signal", "TERM", container.name)
        await container.event("drain_started")
        assert await second.ask(b"still here") == b"still here"
        assert await container.exit_code(seconds=GRACE + 5) == 0
        assert monotonic() - told < GRACE + 2
        assert (await container.event("session_closed", reason="drain"))["client"] == second.address
        assert await second.end() == "reset"


async def test_the_image_says_what_it_is_and_starts_as_nobody_with_the_program_itself(engine: Engine, image: str) -> None:
    config = (await engine.inspect("image", image))["Config"]
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in config["Labels"].items()}
    assert labels["title"] == "Tidegate"
    assert labels["version"] == __version__
    assert labels["licenses"] == "Apache-2.0"
    assert labels["description"].startswith("TCP stream proxy")
    assert len(labels["revision"]) == len("aa3b52b8b9bd1b8ae9ffa4ff3bdf9de3b4c1cf30"), labels
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == ("65532:65532", ["tidegate"], ["run"])
    assert config["StopSignal"] in ("SIGTERM", "15")
    assert set(config["ExposedPorts"]) == {"8000/tcp", "9000/tcp"}
    assert not [variable for variable in config["Env"] if variable.startswith(("PIP_", "SSL_", "http"))]


async def test_nothing_in_the_image_builds_installs_or_gives_rights(engine: Engine, image: str) -> None:
    found = await in_image(engine, image, "find", "/", "-xdev", "-printf", "%M %p\\n", root=True)
    assert found.code == 0, found.errors
    lines = [line.partition(" ") for line in found.output.splitlines()]
    modes = {path: mode for mode, _, path in lines}
    assert "/opt/tidegate/bin/tidegate" in modes
    rights = [path for path, mode in modes.items() if mode[0] == "-" and (mode[3] in "sS" or mode[6] in "sS")]
    assert rights == [], "setuid or setgid"
    programs = {
        "pip",
        "pip3",
        "gcc",
        "cc",
        "ld",
        "as",
        "strip",
        "make",
        "apt",
        "apt-get",
        "perl",
        "hatchling",
        "uv",
        "git",
        "curl",
    }
    assert [path for path in modes if Path(path).name in programs and "bin/" in path] == []
    packages = {"pip", "setuptools", "wheel", "hatchling", "ensurepip", "pytest", "tests"}
    assert [path for path in modes if Path(path).parent.name.endswith("-packages") and Path(path).name in packages] == []
    assert [path for path in modes if path.startswith(("/root/.c", "/source", "/code", "/opt/build", "/run/secrets/"))] == []
    assert [path for path in modes if path.endswith((".whl", ".pyx", "pip.conf", "auth.conf"))] == []
    writable = [path for path, mode in modes.items() if mode[8] == "w" and mode[0] == "-"]
    assert writable == [], "files that anybody may write"


async def test_every_module_that_is_imported_has_been_compiled(engine: Engine, image: str) -> None:
    """Nothing can be written at run time, so whatever is not compiled in the image is compiled at every start."""
    program = (
        "import runpy, sys, pathlib; sys.argv = ['tidegate', 'check']\n"
        "try: runpy.run_module('tidegate', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "sources = {m.__spec__.origin: m.__spec__.cached for m in sys.modules.values() if getattr(m, '__spec__', None)}\n"
        "missing = [o for o, c in sources.items() if o and o.endswith('.py') and not pathlib.Path(c).exists()]\n"
        "sys.exit(repr(missing) if missing or len(sources) < 100 else 0)"
    )
    ran = await in_image(engine, image, "/opt/tidegate/bin/python", "-c", program)
    assert ran.code == 0, ran.errors


async def test_the_image_is_no_larger_than_its_dependencies_make_it(engine: Engine, image: str) -> None:
    size = int((await engine.inspect("image", image))["Size"])
    parts = await sizes(engine, image)
    sys.stdout.write(
        f"\nimage {size / MB:.0f} MB: " + ", ".join(f"{name} {part / MB:.1f}" for name, part in parts.items()) + "\n"
    )
    assert size < LARGEST_IMAGE
    assert parts["packages"] < LARGEST_PACKAGES
    assert parts["kubernetes"] < LARGEST_KUBERNETES


async def sizes(engine: Engine, image: str) -> dict[str, int]:
    """Bytes of parts; a part may have others in it."""
    packages = "/opt/tidegate/lib/python3*/site-packages"
    folders = {
        "system": "/usr", "standard library": "/usr/lib/python3.* /usr/local/lib/python3.*", "packages": packages,
        "kubernetes": f"{packages}/kubernetes", "pydantic": f"{packages}/pydantic*", "aiohttp": f"{packages}/aiohttp",
        "uvloop": f"{packages}/uvloop", "tidegate": f"{packages}/tidegate",
    }  # fmt: skip
    ask = "; ".join(f"du -scb {folder} 2>/dev/null | tail -n 1 | cut -f 1" for folder in folders.values())
    answers = (await in_image(engine, image, "sh", "-c", ask)).output.split()
    return {name: int(size) for name, size in zip(folders, answers, strict=True)}


async def test_check_prints_the_settings_in_effect(engine: Engine, image: str) -> None:
    checked = await tidegate(engine, image, "check", BACKENDS="10.0.0.5:8001 weight=2")
    assert checked.code == 0, checked.errors
    assert "address: 10.0.0.5:8001" in checked.output
    assert (await tidegate(engine, image, "--version")).output == f"tidegate {__version__}\n"
    assert "check" in (await tidegate(engine, image, "--help")).output


@pytest.mark.parametrize("command", ["run", "check"])
async def test_wrong_settings_end_the_container_with_64_and_say_which(engine: Engine, image: str, command: str) -> None:
    ended = await tidegate(engine, image, command, BACKENDS="10.0.0.5:8001", BALANCE="fair", HEALTH__RISE="never")
    assert ended.code == 64
    assert "TIDEGATE_BALANCE" in ended.errors
    assert "TIDEGATE_HEALTH__RISE" in ended.errors


async def test_status_answers_inside_the_container_and_tells_a_health_check_when_there_is_none(
    engine: Engine, image: str
) -> None:
    async with running_backend(echo) as backend, running_container(engine, image, BACKENDS=backend.name) as container:
        status = await container.execute("tidegate", "status")
        assert status.code == 0, status.errors
        assert backend.name in status.output
        nobody = await container.execute("tidegate", "status", "--url", "http://127.0.0.1:1")
        assert nobody.code == 1


async def test_the_data_plane_is_compiled_and_its_sources_are_there_for_tracebacks(engine: Engine, image: str) -> None:
    async with running_backend(echo) as backend, running_container(engine, image, BACKENDS=backend.name) as container:
        (worker,) = await container.worker_pids()
        maps = await container.execute("cat", f"/proc/{worker}/maps")
        assert runs_compiled(maps.output), maps.errors
        file = "tidegate/dataplane/relay/direction.py"  # its name in a traceback
        program = f"import linecache; print(linecache.getline('{file}', 1))"
        assert '"""' in (await container.execute("/opt/tidegate/bin/python", "-c", program)).output


async def test_a_worker_that_dies_in_the_container_is_replaced(engine: Engine, image: str) -> None:
    async with running_backend(echo) as backend, running_container(engine, image, BACKENDS=backend.name) as container:
        (worker,) = await container.worker_pids()
        killed = await container.execute("sh", "-c", f"kill -9 {worker}")
        assert killed.code == 0, killed.errors
        await container.event("worker_restarted")

        async def serves_again() -> bool:
            pids = await container.worker_pids()
            return len(pids) == 1 and pids != [worker]

        await until(serves_again)
        client = await connect(container.port)
        assert await client.ask(b"again") == b"again"
        await client.close()


async def test_no_process_that_others_leave_behind_stays_as_a_zombie(engine: Engine, image: str) -> None:
    """Tidegate is the first process of the container, and so inherits what a command run inside leaves behind."""
    async with running_backend(echo) as backend, running_container(engine, image, BACKENDS=backend.name) as container:
        left = await container.execute("sh", "-c", "for i in 1 2 3; do (sleep 0.2 &) ; done")
        assert left.code == 0, left.errors
        first = await container.pid()
        await until(lambda: len(children(first)) == 1, seconds=10)


async def test_an_idle_container_takes_little_memory(engine: Engine, image: str) -> None:
    async with running_backend(echo) as backend, running_container(engine, image, BACKENDS=backend.name) as container:
        first = await container.pid()
        control, workers = proportional_set_size(first), sum(map(proportional_set_size, children(first)))
        sys.stdout.write(f"\nidle: control {control / MB:.1f} MB, worker {workers / MB:.1f} MB\n")
        assert control + workers < MOST_MEMORY


def children(pid: int) -> list[int]:
    """The processes that a process has started or inherited, also those that have ended and were not waited for."""
    return [int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()]


async def test_backends_come_from_a_service_of_kubernetes_though_most_of_its_package_is_left_out(
    engine: Engine, image: str, folder: Path
) -> None:
    authority, certificate = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(certificate)
    async with (
        running_api_server(certificate) as server,
        running_backend(echo) as backend,
        running_backend(echo) as newcomer,
    ):
        ports = [{"name": "http", "port": backend.port}]
        await server.put(endpoint_slice("one", endpoint(backend.host, pod="one"), ports=ports))
        (folder / "token").write_text("a-token")
        server.tokens = {"a-token"}
        server.kubeconfig(folder / "kubeconfig", token_file=Path("/cluster/token"))
        trust_in(folder / "kubeconfig", authority.cert_pem.bytes())
        for file in "token", "kubeconfig":
            (folder / file).chmod(0o644)
        settings: dict[str, Any] = {
            "KUBERNETES__SERVICE": "chat/socketio",
            "KUBERNETES__KUBECONFIG": "/cluster/kubeconfig",
        }
        options = (*RESTRICTED, "--volume", f"{folder}:/cluster:ro", "--tmpfs", "/tmp")  # as the chart has it
        async with running_container(engine, image, options=options, **settings) as container:
            client = await connect(container.port)
            assert await client.ask(b"to a pod") == b"to a pod"
            ports = [{"name": "http", "port": newcomer.port}]
            await server.put(endpoint_slice("two", endpoint(newcomer.host, pod="two"), ports=ports))
            await container.event("backend_added", backend=newcomer.name)
            await server.delete(endpoint_slice("one"))
            await container.event("backend_removed", backend=backend.name)
            await client.close()
            checked = await container.execute("tidegate", "check", "--connect")
            assert checked.code == 0, checked.errors + checked.output


def trust_in(kubeconfig: Path, certificate: bytes) -> None:
    """Put the CA certificate of the API server into a kubeconfig, as kubeadm does."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode(certificate).decode()
    kubeconfig.write_text(yaml.safe_dump(config))


async def test_every_module_of_the_program_can_be_imported_in_the_image(engine: Engine, image: str) -> None:
    modules = [
        ".".join(file.relative_to(ROOT / "app").with_suffix("").parts).removesuffix(".__init__")
        for file in (ROOT / "app").rglob("*.py")
        if file.name != "__main__.py"
    ]
    program = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    imported = await in_image(engine, image, "/opt/tidegate/bin/python", "-W", "error", "-c", program, *modules)
    assert imported.code == 0, imported.errors
