"""Where a proxy learns its backends from: each source can take one out, drain it, and bring it back."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from tests.faults.backend import Backend
from tests.faults.entrance import listed
from tests.support.api_server import ApiServer, running_api_server
from tests.support.dns_server import DnsServer, running_dns_server
from tests.support.slices import draining, endpoint, endpoint_slice

NAME = "pods.test."


class Source(Protocol):
    """A list of backends that changes. `settings` lead the proxy to it."""

    settings: dict[str, Any]

    async def show(self, backends: Iterable[Backend], leaving: Iterable[Backend] = ()) -> None:
        """List these; `leaving` are told to end, where the source knows that."""


class Static:
    """Backends in the settings, each with its mark, which never change."""

    def __init__(self, backends: Iterable[Backend], marks: Sequence[str]) -> None:
        self.settings: dict[str, Any] = {"BACKENDS": listed([backend.name for backend in backends], marks)}

    async def show(self, backends: Iterable[Backend], leaving: Iterable[Backend] = ()) -> None:
        """Nothing changes."""


class Dns:
    """Address records with a short time to live."""

    def __init__(self, server: DnsServer, port: int) -> None:
        self.server = server
        server.ttl = 1
        self.settings: dict[str, Any] = {
            "DNS__NAME": NAME,
            "DNS__PORT": port,
            "DNS__RESOLVER": server.resolver,
            "DNS__TIMEOUT": "500ms",
        }

    async def show(self, backends: Iterable[Backend], leaving: Iterable[Backend] = ()) -> None:  # noqa: ARG002
        """Who leaves is not listed."""
        self.server.set(NAME, "A", *(backend.host for backend in backends))


class Kubernetes:
    """A slice per backend."""

    def __init__(self, server: ApiServer, folder: Path) -> None:
        self.server = server
        self._shown: dict[str, dict[str, Any]] = {}
        self.settings: dict[str, Any] = {
            "KUBERNETES__SERVICE": "chat/socketio",
            "KUBERNETES__KUBECONFIG": server.kubeconfig(folder / "kubeconfig"),
        }

    async def show(self, backends: Iterable[Backend], leaving: Iterable[Backend] = ()) -> None:
        """Only what changes is told."""
        wanted = {backend.name: _slice(backend, endpoint(backend.host, pod=_pod(backend))) for backend in backends}
        wanted |= {backend.name: _slice(backend, draining(backend.host, pod=_pod(backend))) for backend in leaving}
        for name, item in wanted.items():
            if self._shown.get(name) != item:
                await self.server.put(item)
        for name in self._shown.keys() - wanted.keys():
            await self.server.delete(self._shown[name])
        self._shown = wanted


def _pod(backend: Backend) -> str:
    return f"pod-{backend.name.translate(str.maketrans('.:[]', '----'))}"


def _slice(backend: Backend, one: dict[str, Any]) -> dict[str, Any]:
    family = "IPv6" if ":" in backend.host else "IPv4"
    return endpoint_slice(_pod(backend), one, family=family, ports=[{"name": "tcp", "port": backend.port}])


@asynccontextmanager
async def source_of(kind: str, backends: list[Backend], marks: Sequence[str], folder: Path) -> AsyncIterator[Source]:
    """A source of this kind that lists all of these; only settings have marks."""
    source: Source
    match kind:
        case "dns":
            async with running_dns_server() as dns:
                source = Dns(dns, backends[0].port)
                await source.show(backends)
                yield source
        case "kubernetes":
            async with running_api_server() as server:
                source = Kubernetes(server, folder)
                await source.show(backends)
                yield source
        case _:
            yield Static(backends, marks)
