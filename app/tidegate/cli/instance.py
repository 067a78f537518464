"""Fetches the status of a running instance from its admin address, for `status` and `top`."""

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
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (bind address: address to connect to)


class InstanceError(Exception):
    """No answer came, or it is not a status of Tidegate. The text is for people."""


def admin_url(environ: Mapping[str, str], url: str | None) -> str:
    """The URL to ask: the given one, else that of an instance on this machine which listens on TIDEGATE_ADMIN.

    Raises InstanceError if either is not valid.
    """
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
    """Fetch `/status` and return its JSON. Raises InstanceError."""
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
    """The body. Raises TimeoutError when it takes too long, ValueError when it is too large."""
    deadline = monotonic() + TIMEOUT
    body = b""
    while part := response.read1(READ_SIZE):
        body += part
        if monotonic() > deadline:
            raise TimeoutError("the answer does not end")
        if len(body) > MOST_BODY:
            raise ValueError
    return body
