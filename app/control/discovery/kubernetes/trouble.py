"""What can go wrong between us and the API server, in words, and what it means for the next attempt."""

import asyncio
import os
import ssl

import aiohttp

LONGEST_REASON = 300
MOST_RETRY_AFTER = 600.0


class ClusterError(Exception):
    """A request that did not give what it should. Its text is bounded.

    `status` is that of HTTP or of an `ERROR` event, 0 where there was none. After `is_stale` trouble only a new list helps.
    `retry_after` in seconds, as the server asks.
    """

    def __init__(self, reason: str, *, status: int = 0, is_stale: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.status, self.is_stale, self.retry_after = status, is_stale, min(retry_after, MOST_RETRY_AFTER)

    def hide(self, secret: str) -> None:
        """Take a secret out of the reason: a server may tell us what we have sent."""
        if secret:
            self.args = (self.args[0].replace(secret, "***"),)

    def __str__(self) -> str:
        return str(self.args[0])[:LONGEST_REASON]


class UnusableCredentialsError(ClusterError):
    """What should say where the cluster is, and who we are, does not."""


def refused(status: int, message: str, what: str, retry_after: str | None = None) -> ClusterError:
    """Trouble from the status of an answer; `what` is the request in words, as in `list endpointslices in chat`."""
    seconds = float(retry_after) if retry_after is not None and retry_after.isdecimal() else 0.0
    match status:
        case 401:
            reason = "401: the API server does not know our token or certificate"
        case 403:
            reason = f"403: we may not {what}: give our account this verb on this resource"
        case 404:
            reason = f"404: the API server has nothing to {what}: is this API there?"
        case 410:
            reason = "410: the resource version is too old"
        case 429:
            reason = "429: the API server has too many requests"
        case _:
            reason = f"{status} for {what}: {message or 'no reason given'}"
    return ClusterError(reason, status=status, is_stale=status not in {401, 403, 429}, retry_after=seconds)


def unreachable(error: Exception) -> ClusterError:
    """Trouble from a connection that could not be made or did not hold."""
    match error:
        case TimeoutError():
            reason = "the API server does not answer in time"
        case aiohttp.ClientConnectorCertificateError():
            reason = f"the certificate of the API server is not valid: {_certificate_problem(error.certificate_error)}"
        case aiohttp.ClientConnectorError():
            reason = f"cannot connect to the API server: {_in_words(error.os_error)}"
        case aiohttp.ClientError() | asyncio.IncompleteReadError():
            reason = "the connection to the API server was cut"
        case OSError():
            reason = f"cannot reach the API server: {_in_words(error)}"
        case _:
            reason = f"the request could not be made: {type(error).__name__}"
    return ClusterError(reason)


def _in_words(error: OSError) -> str:
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return error.strerror or type(error).__name__


def _certificate_problem(error: Exception) -> str:
    return error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else type(error).__name__
