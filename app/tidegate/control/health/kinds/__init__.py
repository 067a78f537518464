"""The kinds of probes, one per file. Each probe uses a new connection, so that it detects a vanished host."""

from collections.abc import Awaitable, Callable, Mapping

from tidegate.control.health.kinds import (
    http,
    https,
    imap,
    mysql,
    pop3,
    postgres,
    redis,
    send_expect,
    smtp,
    socketio,
    tcp,
    tls,
    websocket,
)
from tidegate.control.health.request import ProbeRequest

Probe = Callable[[ProbeRequest], Awaitable[None]]


async def _grpc(request: ProbeRequest) -> None:
    from tidegate.control.health.kinds import grpc  # noqa: PLC0415  an HTTP/2 library that most sidecars do not need

    await grpc.probe(request)


PROBES: Mapping[str, Probe] = {
    "tcp": tcp.probe,
    "tls": tls.probe,
    "http": http.probe,
    "https": https.probe,
    "websocket": websocket.probe,
    "socketio": socketio.probe,
    "send_expect": send_expect.probe,
    "grpc": _grpc,
    "redis": redis.probe,
    "postgres": postgres.probe,
    "mysql": mysql.probe,
    "smtp": smtp.probe,
    "pop3": pop3.probe,
    "imap": imap.probe,
}
