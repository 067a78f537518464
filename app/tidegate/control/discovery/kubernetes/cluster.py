"""Makes requests to the API server of one cluster.

Every request uses a new connection. So a rotated certificate, a server that has moved, or a half-dead connection affects one
request at most. Watches take minutes, so this costs nothing.
"""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic

import aiohttp
import orjson
from multidict import CIMultiDict

from tidegate import __version__
from tidegate.control.discovery.kubernetes.credentials import Credentials, CredentialsSource, load
from tidegate.control.discovery.kubernetes.resolver import Resolver
from tidegate.control.discovery.kubernetes.trouble import (
    REDIRECTED,
    ClusterError,
    UnusableCredentialsError,
    refused,
    unreachable,
)
from tidegate.control.discovery.look_ups import LookUps

CREDENTIALS_AGE = 60.0  # seconds; bound tokens rotate
CONNECT_TIMEOUT = 10.0
MOST_TOKENS = 16
"""This many of the last tokens are masked in errors: an old token stays in use after its successor has been read."""
LARGEST_REFUSAL = 64 * 1024
READ_AHEAD = 2 * 1024 * 1024
WATCHED_OVER = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 45_000),
)
"""Socket options that detect a dead host after 45 seconds, as in client-go. They do not detect a process that hangs,
because its kernel still answers."""


@dataclass(frozen=True)
class Request:
    """A GET request: its path and query, and `what` it does, in words that end in `in the namespace ...`."""

    path: str
    query: Mapping[str, str]
    what: str


class Cluster:
    """Makes requests. Credentials are read again every minute, and at once when the server rejects them."""

    def __init__(
        self, source: CredentialsSource, look_ups: LookUps | None = None, *, credentials_age: float = CREDENTIALS_AGE
    ) -> None:
        self._source, self._age = source, credentials_age
        self._resolver = Resolver(look_ups or LookUps())
        self._known: Credentials | None = None
        self._read_at = 0.0
        self._reading = asyncio.Lock()  # pools share the credentials that one of them has read
        self._tokens: deque[str] = deque(maxlen=MOST_TOKENS)

    @asynccontextmanager
    async def get(
        self,
        request: Request,
        *,
        answer_timeout: float,
        timeout: float,  # noqa: ASYNC109
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a request, with status 200. It begins within `answer_timeout` seconds and ends within `timeout`.

        Raises ClusterError. The connection is closed at the end of the context, without a TLS close_notify.
        """
        is_open = False
        try:
            credentials = await self._credentials()
            async with asyncio.timeout(timeout):
                session, response = await self._ask(request, credentials, answer_timeout)
                try:
                    if response.status == 401:
                        await session.close()
                        credentials = await self._credentials(rejected=credentials)
                        session, response = await self._ask(request, credentials, answer_timeout)
                    await _refuse(response, request.what)
                    is_open = True
                    yield response
                finally:
                    response.close()
                    await session.close()
        except ClusterError as error:
            for token in self._tokens:
                error.hide(token)
            raise
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(error, was_open=is_open) from error

    async def _ask(
        self, request: Request, credentials: Credentials, answer_timeout: float
    ) -> tuple[aiohttp.ClientSession, aiohttp.ClientResponse]:
        try:
            connector = aiohttp.TCPConnector(ssl=credentials.tls(), resolver=self._resolver)
        except UnusableCredentialsError:  # a file of the credentials has been removed
            self._known = None
            raise
        headers = CIMultiDict(credentials.headers)
        headers["Accept"] = "application/json"
        headers["User-Agent"] = f"tidegate/{__version__}"
        if credentials.authorization:
            headers["Authorization"] = credentials.authorization
        session = aiohttp.ClientSession(connector=connector, trust_env=True, read_bufsize=READ_AHEAD, headers=headers)
        try:
            async with asyncio.timeout(answer_timeout):
                response = await session.get(
                    credentials.server + request.path,
                    params=request.query,
                    server_hostname=credentials.server_name,
                    proxy=credentials.proxy,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
                )
        except ValueError as error:  # an invalid URL or header
            await session.close()
            raise unreachable(error) from error
        except BaseException:
            await session.close()
            raise
        _watch_over(response)
        return session, response

    async def _credentials(self, *, rejected: Credentials | None = None) -> Credentials:
        """The credentials, read again if they are old or were `rejected` by the server."""
        async with self._reading:
            known = self._known
            if known is None or known is rejected or monotonic() - self._read_at >= self._age:
                known = self._known = await load(self._source)
                self._read_at = monotonic()
                self._tokens.append(known.token)
            return known


async def _refuse(response: aiohttp.ClientResponse, what: str) -> None:
    """Raise ClusterError unless the status is 200 without a redirect."""
    if response.history:
        raise ClusterError(REDIRECTED)
    if response.status == 200:
        return
    body = await response.content.read(LARGEST_REFUSAL)
    raise refused(response.status, _message(body) or response.reason or "", what, response.headers.get("Retry-After"))


def _message(body: bytes) -> str:
    """The message of a Status object, or the first line of a text. Empty for HTML and other JSON."""
    try:
        status = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body.decode(errors="replace").strip()
        return "" if text.startswith("<") else text.partition("\n")[0].strip()
    message = status.get("message") if isinstance(status, dict) else None
    return message if isinstance(message, str) else ""


def _watch_over(response: aiohttp.ClientResponse) -> None:
    """Let the kernel detect a server that has vanished."""
    connection = response.connection
    sock = connection.transport.get_extra_info("socket") if connection and connection.transport else None
    if sock is not None:
        for option in WATCHED_OVER:
            sock.setsockopt(*option)
