"""Runs one probe against a peer that gives a fuzzed answer."""

from functools import cache

from tests.fuzz.loop import run
from tests.fuzz.peer import Heard, with_peer
from tests.fuzz.reasons import check_reason
from tidegate.control.health.kinds import PROBES
from tidegate.control.health.request import ProbeError, ProbeRequest
from tidegate.core.address import Address
from tidegate.settings.parts.health import HealthSettings

PASSWORD = "correct-horse"
SETTINGS: dict[str, dict[str, object]] = {
    "send_expect": {"expect": "220 ready"},
    "redis": {"password": PASSWORD},
    "grpc": {"service": "chat", "headers": {"Authorization": f"Bearer {PASSWORD}"}},
    "http": {"headers": {"Authorization": f"Bearer {PASSWORD}"}},
    "https": {"verify": False},
    "tls": {"verify": False},
}
"""What a kind needs, or what makes it show a secret if it has a fault."""
_WITH_SECRET = ("redis", "grpc", "http")


def probe(kind: str, *pieces: bytes, after: Heard | None = None) -> str:
    """`ok`, or the reason why the probe has failed. Raises what no probe may raise."""

    async def ask(address: Address) -> None:
        await PROBES[kind](ProbeRequest(address, str(address), _settings(kind)))

    try:
        run(with_peer(pieces, ask, after))
    except ProbeError as error:
        return _checked(str(error), secret=PASSWORD if kind in _WITH_SECRET else None)
    except OSError as error:
        return type(error).__name__
    return "ok"


def _checked(reason: str, *, secret: str | None) -> str:
    check_reason(reason)
    assert secret is None or secret not in reason, reason
    return reason


@cache
def _settings(kind: str) -> HealthSettings:
    return HealthSettings.model_validate({"type": kind, **SETTINGS.get(kind, {})})
