"""Who may see clients' addresses: who has the token, or, without one set, who is on this machine."""

import hmac
import ipaddress
from urllib.parse import urlsplit

from aiohttp import web


class Access:
    """Checks requests against the admin token, which may be None."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def check(self, request: web.Request) -> None:
        """Return, or raise HTTPUnauthorized or HTTPForbidden."""
        if self._has_token(request) or _is_local(request):
            return
        if self._token is None:
            raise web.HTTPForbidden(text="only from this machine, or with TIDEGATE_ADMIN_TOKEN set and given\n")
        raise web.HTTPUnauthorized(
            text="this needs the header Authorization: Bearer TOKEN\n", headers={"WWW-Authenticate": "Bearer"}
        )

    def _has_token(self, request: web.Request) -> bool:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if self._token is None or scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(given.strip().encode(errors="surrogateescape"), self._token.encode())


def _is_local(request: web.Request) -> bool:
    """From loopback and addressed as such: a page in a browser that has bound a foreign name to loopback is not."""
    peer = request.remote
    if peer is None or not _loopback(peer):
        return False
    try:
        name = urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or _loopback(name)


def _loopback(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
