"""The request for a probe, its progress, and the error that says why it failed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tidegate.core.address import Address
from tidegate.core.shortening import shortened
from tidegate.core.unix_socket import is_unix
from tidegate.settings.notation.units import format_duration

if TYPE_CHECKING:
    from tidegate.settings.parts.health import HealthSettings

SHOWN = 80
"""The most characters of an answer that a reason quotes."""

SHORTEST_SECRET = 4
"""The least characters of a header's value that is masked: a shorter one reveals nothing, and occurs in many answers."""

CLOSED = "connection closed without an answer"


class ProbeError(Exception):
    """The backend has failed the probe. The text is the reason in the log and on the status page."""


@dataclass(slots=True)
class Progress:
    """The progress of a probe, for the reason after a timeout; `sent` and `received` in bytes, without TLS overhead."""

    connected: bool = False
    encrypting: bool = False
    passed: bool = False
    sent: int = 0
    received: int = 0
    unexpected: Callable[[str], str] | None = (
        None  # makes the reason about an unexpected answer, from words like "within 1s"
    )

    def unfinished(self, timeout: float) -> str:
        """The reason for a probe that was not finished within its timeout in seconds."""
        limit = format_duration(timeout)
        if not self.connected:
            return f"no connection in {limit}"
        if self.encrypting:
            return f"TLS handshake not finished in {limit}"
        if self.unexpected:
            return self.unexpected(f"within {limit}")
        if self.received:
            return f"no complete answer in {limit}: sent {_bytes(self.sent)}, received {_bytes(self.received)}"
        if self.sent:
            return f"no answer in {limit} after sending {_bytes(self.sent)}"
        return f"connected, but nothing received in {limit}"


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """The address to probe, the backend's name, the pool's health settings, and the progress of the probe."""

    address: Address
    name: str
    settings: "HealthSettings"
    progress: Progress = field(default_factory=Progress)

    @property
    def host_header(self) -> str:
        """The Host header (HTTP) or authority (gRPC) for this backend."""
        return self.settings.host or self._own_name

    @property
    def server_name(self) -> str:
        """The TLS server name for this backend: the one in the settings, else the backend's host, maybe an IP address."""
        host = self.settings.server_name or _host_of(self._own_name)
        return host.partition("%")[0].removesuffix(".")

    @property
    def _own_name(self) -> str:
        """What the backend is called where only names of hosts have a meaning."""
        return "localhost" if is_unix(self.name) else self.name

    @property
    def password(self) -> str:
        """The password, empty if there is none. Never show it."""
        return self.settings.password.reveal() if self.settings.password else ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers in the settings. Never show their values."""
        return dict(self.settings.headers.items()) if self.settings.headers else {}

    def quoted(self, answer: bytes) -> str:
        """An answer as it may be shown: escaped, shortened in the middle, and with secrets masked."""
        for secret in self._secrets():
            answer = answer.replace(secret.encode(), b"***")
        return repr(shortened(answer.decode(errors="backslashreplace"), SHOWN))

    def _secrets(self) -> list[str]:
        """The secrets, the longest first: the password and the headers' values, also their last words, as after `Bearer`."""
        words = {word for value in self.headers.values() for word in (value, value.split()[-1])}
        secrets = {word for word in words if len(word) >= SHORTEST_SECRET} | {self.password}
        return sorted(secrets - {""}, key=len, reverse=True)


def _host_of(name: str) -> str:
    """The host of `host:port`, without brackets; a name without a port is its own host."""
    host, colon, _ = name.rpartition(":")
    return host.strip("[]") if colon else name


def _bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count} bytes"
