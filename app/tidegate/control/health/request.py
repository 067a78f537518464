"""What a probe is told, how it says that it failed, and how far it has come."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tidegate.core.address import Address
from tidegate.core.shortening import shortened
from tidegate.settings import HealthSettings
from tidegate.settings.notation.units import format_duration

SHOWN = 80
"""Characters of an answer that a reason quotes at most."""

SHORTEST_SECRET = 4
"""Characters of a header's value that is kept out of what is shown; a shorter one says nothing, and is in many an answer."""

CLOSED = "connection closed without an answer"


class ProbeError(Exception):
    """The backend did not pass; the text is the reason that people read in the log and on the status page."""


@dataclass(slots=True)
class Progress:
    """How far a probe has come, for the reason when its time is over; `sent` and `received` in bytes, without TLS's own."""

    connected: bool = False
    encrypting: bool = False
    passed: bool = False
    sent: int = 0
    received: int = 0
    unexpected: Callable[[str], str] | None = None  # says what has come instead, given the words for when

    def unfinished(self, timeout: float) -> str:
        """Why a probe has failed that was not done within its timeout (seconds)."""
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
    """The address to probe, the backend's name, what the pool's settings ask for, and how far the probe has come."""

    address: Address
    name: str
    settings: HealthSettings
    progress: Progress = field(default_factory=Progress)

    @property
    def host_header(self) -> str:
        """What HTTP calls this backend."""
        return self.settings.host or self.name

    @property
    def server_name(self) -> str:
        """What TLS calls this backend: the name asked for, else the backend's own, which may be an IP address."""
        host = self.settings.server_name or self.name.rpartition(":")[0].strip("[]")
        return host.partition("%")[0].removesuffix(".")

    @property
    def password(self) -> str:
        """The password, empty when there is none; must never be shown."""
        return self.settings.password.get_secret_value() if self.settings.password else ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers that are asked for; their values must never be shown."""
        return dict(self.settings.headers.items()) if self.settings.headers else {}

    def quoted(self, answer: bytes) -> str:
        """An answer as it may be shown: escaped, its middle left out where it is long, and without what is secret."""
        for secret in self._secrets():
            answer = answer.replace(secret.encode(), b"***")
        return repr(shortened(answer.decode(errors="backslashreplace"), SHOWN))

    def _secrets(self) -> list[str]:
        """What must not be shown, the longest first; of a header also the last word, like the token behind `Bearer`."""
        words = {word for value in self.headers.values() for word in (value, value.split()[-1])}
        secrets = {word for word in words if len(word) >= SHORTEST_SECRET} | {self.password}
        return sorted(secrets - {""}, key=len, reverse=True)


def _bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count} bytes"
