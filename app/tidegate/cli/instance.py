"""A running instance, as `status` and `top` ask it over its admin port."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from time import monotonic
from typing import Any

from tidegate.core.address import parse_address

TIMEOUT = 5.0
READ_SIZE = 64 * 1024
MOST_BODY = 64 * 1024 * 1024
FIELDS = {"version", "state", "uptime_seconds", "workers", "listeners", "pools"}
DEFAULT_ADMIN = "127.0.0.1:9000"
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (what is listened on, turned into what to connect to)


class InstanceError(Exception):
    """There is no answer, or not from Tidegate."""


def admin_url(environ: Mapping[str, str], url: str | None) -> str:
    """Where to ask: what the user says, else the address that TIDEGATE_ADMIN lets an instance on this machine listen on."""
    if url is not None:
        if "://" not in url:
            url = f"http://{url}"
        if not url.startswith(("http://", "https://")):
            raise InstanceError(f"{url}: expected a URL that starts with http:// or https://")
        return url.rstrip("/")
    try:
        address = parse_address(environ.get("TIDEGATE_ADMIN") or DEFAULT_ADMIN)
    except ValueError as error:
        raise InstanceError(f"TIDEGATE_ADMIN={environ['TIDEGATE_ADMIN']!r}: {error}") from error
    return f"http://{address._replace(host=EVERY_ADDRESS.get(address.host, address.host))}"


def fetch_status(url: str) -> dict[str, Any]:
    """The JSON of `/status`. Raises InstanceError."""
    try:
        with urllib.request.urlopen(f"{url}/status", timeout=TIMEOUT) as response:  # noqa: S310  (admin_url checks)
            body = json.loads(_read(response))
    except urllib.error.HTTPError as error:
        raise InstanceError(f"{url}: {error.code} {error.reason}: is this Tidegate's admin address?") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise InstanceError(f"{url}: {reason}: is an instance running, and is this its TIDEGATE_ADMIN?") from error
    except ValueError as error:
        raise InstanceError(f"{url}: the answer is not a status of Tidegate") from error
    if not isinstance(body, dict) or not body.keys() >= FIELDS:
        raise InstanceError(f"{url}: the answer is not a status of Tidegate")
    return body


def _read(response: http.client.HTTPResponse) -> bytes:
    """The body, if it ends in time and is not too long; raises TimeoutError or ValueError."""
    deadline = monotonic() + TIMEOUT
    body = b""
    while part := response.read1(READ_SIZE):
        body += part
        if monotonic() > deadline:
            raise TimeoutError("the answer does not end")
        if len(body) > MOST_BODY:
            raise ValueError
    return body
