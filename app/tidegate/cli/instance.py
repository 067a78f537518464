"""Fetches the status of a running instance from its admin address, for `status` and `top`."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from time import monotonic
from typing import Any

import orjson

from tidegate.cli.shape import fits
from tidegate.core.address import parse_host_and_port
from tidegate.core.shortening import shortened

TIMEOUT = 5.0
READ_SIZE = 64 * 1024
MOST_BODY = 64 * 1024 * 1024
LONGEST_REASON = 500
DEFAULT_ADMIN = "127.0.0.1:9000"
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (bind address: address to connect to)


class InstanceError(Exception):
    """No answer came, or it is not a status of Tidegate. The text is one printable line for people."""

    def __str__(self) -> str:
        return shortened(printable(super().__str__().strip()), LONGEST_REASON)


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
        address = parse_host_and_port(environ.get("TIDEGATE_ADMIN") or DEFAULT_ADMIN)
    except ValueError as error:
        raise InstanceError(f"TIDEGATE_ADMIN={environ['TIDEGATE_ADMIN']!r}: {error}") from error
    return f"http://{address._replace(host=EVERY_ADDRESS.get(address.host, address.host))}"


def fetch_status(url: str) -> dict[str, Any]:
    """Fetch `/status` and return its JSON, with all that the tables need, and printable texts only. Raises InstanceError."""
    try:
        with urllib.request.urlopen(f"{url}/status", timeout=TIMEOUT) as response:  # noqa: S310  (admin_url checks)
            body = orjson.loads(_read(response))
    except urllib.error.HTTPError as error:
        raise InstanceError(f"{url}: {error.code} {error.reason}: is this Tidegate's admin address?") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise InstanceError(f"{url}: {reason}: is an instance running, and is this its TIDEGATE_ADMIN?") from error
    except ValueError as error:
        raise InstanceError(f"{url}: the answer is not a status of Tidegate") from error
    if not fits(body):
        raise InstanceError(f"{url}: the answer is not a status of Tidegate")
    shown = _shown(body)
    assert isinstance(shown, dict)
    return shown


def printable(text: str) -> str:
    """A text without what moves the cursor or changes the colours of a terminal: it may come from anywhere."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _shown(value: object) -> object:
    """The same value with printable texts."""
    match value:
        case str():
            return printable(value)
        case list():
            return [_shown(item) for item in value]
        case dict():
            return {key: _shown(item) for key, item in value.items()}
    return value


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
