"""Access to clients' addresses: requests need the admin token or, if there is none, must come from this machine."""

import hmac
import ipaddress
from http import HTTPStatus
from urllib.parse import urlsplit

from tidegate.control.admin.answer import RefusedError
from tidegate.control.admin.request import Request

_OF_FORWARDERS = (
    "forwarded",
    "x-forwarded-",
    "x-original-",
    "x-envoy-",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "via",
)
_ONLY_LOCAL = "only from this machine and not through a proxy, or with TIDEGATE_ADMIN_TOKEN set and given\n"


class Access:
    """Checks requests against the admin token, which may be None."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def check(self, request: Request) -> None:
        """Raise RefusedError unless the request is allowed."""
        if self._token is None:
            if not _is_local(request) or _is_forwarded(request):
                raise RefusedError(HTTPStatus.FORBIDDEN, _ONLY_LOCAL)
        elif not _has_token(request, self._token):
            text = "this needs the header Authorization: Bearer TOKEN\n"
            raise RefusedError(HTTPStatus.UNAUTHORIZED, text, {"WWW-Authenticate": "Bearer"})


def _has_token(request: Request, token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode(errors="surrogateescape"), token.encode())


def _is_local(request: Request) -> bool:
    """Whether the request comes from loopback and is addressed to it. A web page whose foreign name resolves to loopback
    (DNS rebinding) fails by its Host header."""
    if not _loopback(request.peer):
        return False
    try:
        name = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or _loopback(name)


def _is_forwarded(request: Request) -> bool:
    """Whether a header says that a sidecar or proxy on this machine forwards the request of another client."""
    return any(name.startswith(_OF_FORWARDERS) for name in request.headers)


def _loopback(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
