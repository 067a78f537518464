"""Requests to the API server of one cluster.

Every request has a connection of its own, which ends with it: so a rotated certificate, a server that moved, or a connection
that is half dead outlives no request. A watch takes minutes, so this costs nothing.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic

import aiohttp
import orjson
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from app import __version__
from app.control.discovery.kubernetes.credentials import Source, load
from app.control.discovery.kubernetes.trouble import REDIRECTED, ClusterError, refused, unreachable
from app.link.sockets import KEEPALIVE

CREDENTIALS_AGE = 60.0  # seconds; bound tokens rotate
CONNECT_TIMEOUT = 10.0
MOST_TOKENS = 16
"""So many of the last ones are kept out of the log: one lives on after its successor has been read."""
LARGEST_REFUSAL = 64 * 1024


@dataclass(frozen=True)
class Request:
    """A GET: its path and query, and what it does in words that end in `in the namespace ...`."""

    path: str
    query: Mapping[str, str]
    what: str


class Cluster:
    """Makes requests with credentials that are read again every minute, and at once when the server does not take them."""

    def __init__(self, source: Source, *, answer_timeout: float = 30.0, credentials_age: float = CREDENTIALS_AGE) -> None:
        self._source, self._answer_timeout, self._age = source, answer_timeout, credentials_age
        self._configuration: Configuration | None = None
        self._read_at = 0.0
        self._reading = asyncio.Lock()  # pools share what one of them has read
        self._tokens: deque[str] = deque(maxlen=MOST_TOKENS)

    @asynccontextmanager
    async def get(self, request: Request, *, timeout: float) -> AsyncIterator[aiohttp.ClientResponse]:  # noqa: ASYNC109
        """The answer to a request, status 200, whose body may take `timeout` seconds. Raises ClusterError.

        The connection is closed at the end of the context.
        """
        try:
            credentials = await self._credentials()
            async with asyncio.timeout(timeout):
                client, response = await self._ask(request, credentials)
                try:
                    if response.status == 401:
                        await client.close()
                        client, response = await self._ask(request, await self._credentials(rejected=credentials))
                    await _refuse(response, request.what)
                    yield response
                finally:
                    response.close()
                    await client.close()
        except ClusterError as error:
            for token in self._tokens:
                error.hide(token)
            raise
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(error) from error

    async def _ask(self, request: Request, credentials: Configuration) -> tuple[ApiClient, aiohttp.ClientResponse]:
        try:
            client = ApiClient(credentials)
        except OSError:  # a file of theirs has gone since
            self._configuration = None
            raise
        client.user_agent = f"tidegate/{__version__}"
        try:
            async with asyncio.timeout(self._answer_timeout):
                arguments = await client.param_serialize(
                    "GET",
                    request.path,
                    query_params=list(request.query.items()),
                    header_params={"Accept": "application/json"},
                    auth_settings=["BearerToken"],
                )
                patience = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT)
                answer = await client.call_api(*arguments, _request_timeout=patience)
        except ValueError as error:  # a URL or a header that cannot be
            await client.close()
            raise unreachable(error) from error
        except BaseException:
            await client.close()
            raise
        _keep_alive(answer.response)
        return client, answer.response

    async def _credentials(self, *, rejected: Configuration | None = None) -> Configuration:
        """Those that were read, unless they are old or are those that the server has rejected."""
        async with self._reading:
            known = self._configuration
            if known is None or known is rejected or monotonic() - self._read_at >= self._age:
                known = self._configuration = await load(self._source)
                self._read_at = monotonic()
                self._tokens.append(str(known.api_key.get("BearerToken", "")).rpartition(" ")[2])
            return known


async def _refuse(response: aiohttp.ClientResponse, what: str) -> None:
    """Raise ClusterError unless the answer is what was asked for."""
    if response.history:
        raise ClusterError(REDIRECTED)
    if response.status == 200:
        return
    body = await response.content.read(LARGEST_REFUSAL)
    raise refused(response.status, _message(body) or response.reason or "", what, response.headers.get("Retry-After"))


def _message(body: bytes) -> str:
    """The message of a Status object, if that is what the body is."""
    try:
        status = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    message = status.get("message") if isinstance(status, dict) else None
    return message if isinstance(message, str) else ""


def _keep_alive(response: aiohttp.ClientResponse) -> None:
    """Let the kernel notice a server that is gone without a word."""
    connection = response.connection
    sock = connection.transport.get_extra_info("socket") if connection and connection.transport else None
    if sock is not None:
        for option in KEEPALIVE:
            sock.setsockopt(*option)
