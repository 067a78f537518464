"""Active health checks: one kind of probe per file, each with a fresh connection, so that a vanished host is noticed."""

from collections.abc import Awaitable, Callable, Mapping

from app.control.health import http, socketio, tcp, websocket
from app.control.health.request import ProbeRequest

Probe = Callable[[ProbeRequest], Awaitable[None]]

PROBES: Mapping[str, Probe] = {
    "tcp": tcp.probe,
    "http": http.probe,
    "websocket": websocket.probe,
    "socketio": socketio.probe,
}
