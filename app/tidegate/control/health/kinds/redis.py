"""Probe kind `redis`: the server answers PING with PONG, after AUTH if there is a password.

Source: the Redis serialization protocol, https://redis.io/docs/latest/develop/reference/protocol-spec/.
"""

from tidegate.control.health.connection import Connection
from tidegate.control.health.request import ProbeError, ProbeRequest

NO_PASSWORD_THERE = (b"without any password configured", b"no password is set")


async def probe(request: ProbeRequest) -> None:
    """Authenticate if there is a password, and ping. Raises ProbeError or OSError."""
    async with Connection(request) as connection:
        if request.password:
            await _authenticate(connection, request)
        answer = await _ask(connection, "PING")
        if answer != b"+PONG":
            raise ProbeError(f"expected +PONG, got {request.quoted(answer)}{_advice(answer, request)}")


async def _authenticate(connection: Connection, request: ProbeRequest) -> None:
    """Authenticate. The text of an error is not shown, because a server without AUTH may quote the password."""
    user = [request.settings.user] if request.settings.user else []
    answer = await _ask(connection, "AUTH", *user, request.password)
    if answer.startswith(b"+OK"):
        return
    if any(words in answer for words in NO_PASSWORD_THERE):
        raise ProbeError("AUTH refused: no password is set there")
    code = answer.partition(b" ")[0]
    if code[:1] != b"-" or not code[1:].isalpha():
        raise ProbeError("expected +OK to AUTH, got something else")
    raise ProbeError(f"AUTH refused: expected +OK, got {request.quoted(code)}")


async def _ask(connection: Connection, *words: str) -> bytes:
    parts = [word.encode() for word in words]
    await connection.send(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts))
    return await connection.line()


def _advice(answer: bytes, request: ProbeRequest) -> str:
    return ": give health.password" if answer.startswith(b"-NOAUTH") and not request.password else ""
