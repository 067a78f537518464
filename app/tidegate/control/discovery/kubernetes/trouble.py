"""The errors between us and the API server: the reason for people, and the consequence for the next attempt."""

import asyncio
import errno
import os
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp

from tidegate.core.discovery.watching import End
from tidegate.core.shortening import shortened

LONGEST_REASON = 300
MOST_RETRY_AFTER = 600.0
ENDS = {410: End.EXPIRED, 429: End.BUSY}
REDIRECTED = "the API server sends us elsewhere, where we do not go: give its own address"


class ClusterError(Exception):
    """A request has failed. The text is one printable line of bounded length.

    `end` is how the watch has ended. `retry_after` is in seconds, as the server asks.
    """

    def __init__(self, reason: str, *, end: End = End.OTHER, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.end, self.retry_after = end, min(retry_after, MOST_RETRY_AFTER)

    def hide(self, secret: str) -> None:
        """Mask a secret in the reason, because a server may quote what we have sent."""
        if secret:
            self.args = (self.args[0].replace(secret, "***"),)

    def __str__(self) -> str:
        text = "".join(character if character.isprintable() else " " for character in str(self.args[0]))
        return shortened(text, LONGEST_REASON)


class UnusableCredentialsError(ClusterError):
    """The credentials, or the address of the cluster, cannot be read or used."""


def refused(status: int, message: str, what: str, retry_after: str | None = None) -> ClusterError:
    """The error for the status of an answer. `what` is the request in words, like `list endpointslices in chat`."""
    match status:
        case 401:
            reason = "401: the API server does not know our token or certificate"
        case 403:
            reason = f"403: we may not {what}: give our account this verb on this resource ({message or 'no reason given'})"
        case 404:
            reason = f"404: the API server has nothing to {what}: is this API there?"
        case 410:
            reason = "410: the resource version is too old"
        case 429:
            reason = "429: the API server has too many requests"
        case _:
            reason = f"{status} for {what}: {message or 'no reason given'}"
    end = End.BUSY if status >= 500 else ENDS.get(status, End.OTHER)
    return ClusterError(reason, end=end, retry_after=_seconds(retry_after))


def _seconds(retry_after: str | None) -> float:
    """The seconds that `Retry-After` asks for, as a number or a date (RFC 9110, 10.2.3)."""
    if retry_after is None:
        return 0.0
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0


REASONS: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "the API server does not answer in time"),
    (aiohttp.ClientConnectorCertificateError, "the certificate of the API server is not valid: {}"),
    (aiohttp.ClientProxyConnectionError, "cannot connect to the proxy of the kubeconfig: {}"),
    (aiohttp.ClientConnectorError, "cannot connect to the API server: {}"),
    (aiohttp.TooManyRedirects, REDIRECTED),
    (aiohttp.ClientHttpProxyError, "the proxy of the kubeconfig refuses to connect us"),
    (aiohttp.ClientResponseError, "what answers at the address of the API server does not speak HTTP as it should"),
    (aiohttp.InvalidURL, "the address of the API server is no http or https URL"),
    (aiohttp.NonHttpUrlClientError, "the address of the API server is no http or https URL"),
    (aiohttp.ClientError, "the connection to the API server was cut"),
    (asyncio.IncompleteReadError, "the connection to the API server was cut"),
    (OSError, "cannot reach the API server: {}"),
    (Exception, "the request could not be made: {}"),
)
"""The reason for each exception; the first match counts. `{}` is replaced by the error of the system or of TLS."""


def unreachable(error: Exception, *, was_open: bool = False) -> ClusterError:
    """The error for a connection that could not be made, or broke. `was_open`: the answer had begun."""
    reason = next(reason for kind, reason in REASONS if isinstance(error, kind))
    end = End.CUT if was_open and not isinstance(error, TimeoutError) else End.OTHER
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno == errno.ECONNREFUSED:
        end = End.REFUSED
    return ClusterError(reason.format(_in_words(error)), end=end)


def _in_words(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return _in_words(error.certificate_error)
        case aiohttp.ClientConnectorError():
            return _in_words(error.os_error)
        case ssl.SSLCertVerificationError():
            return error.verify_message
        case ssl.SSLError():
            return f"no TLS: {(error.reason or 'unknown').lower().replace('_', ' ')}"
        case OSError():
            number = error.errno or 0
            return os.strerror(number).lower() if number > 0 else error.strerror or type(error).__name__
    return type(error).__name__
