"""Makes the JSON of each part of `/status`: process, pools and backends. The fields are a contract."""

from time import monotonic

from tidegate import __version__
from tidegate.control import clock
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.pools.records import HealthRecord
from tidegate.control.process import Process
from tidegate.control.report.views import BackendView, PoolView
from tidegate.control.totals import Totals
from tidegate.control.workers.listening_sockets import BoundListener
from tidegate.core.health.outlier import Ejection
from tidegate.core.pools.backend import Backend
from tidegate.link.board import FAILURE_CELL, LISTENERS, REJECTED_CELL, BackendCell, ListenerCell
from tidegate.settings.words import HealthType

Json = dict[str, object]


def of_process(process: Process) -> Json:
    """The fields of the process, its workers and its listeners."""
    return {
        "version": __version__,
        "state": process.state.value,
        "started": clock.iso(process.started),
        "uptime_seconds": round(process.uptime, 3),
        "workers": [_worker(process, number) for number in range(len(process.workers.all))],
        "listeners": [_listener(process.totals, listener) for listener in process.listeners.values()],
    }


def of_pool(view: PoolView) -> Json:
    """The fields of a pool, without its backends."""
    pool = view.pool
    return {
        "name": pool.name,
        "balance": str(pool.settings.balance),
        "panic": view.snapshot.panic,
        "discovery": {
            "source": pool.discovery.source,
            "synced": pool.discovery.synced,
            "since": clock.iso(pool.discovery.since),
            "last_sync": clock.iso(pool.discovery.last_sync),
            "reason": pool.discovery.reason,
        },
    }


def _worker(process: Process, number: int) -> Json:
    worker = process.workers.all[number]
    return {
        "id": number,
        "pid": worker.pid,
        "connections_active": process.totals.of_worker(number, LISTENERS, ListenerCell.ACTIVE),
        "restarts": worker.restarts,
    }


def _listener(totals: Totals, listener: BoundListener) -> Json:
    cells = totals.of_slot(LISTENERS, listener.slot)
    return {
        "name": listener.name,
        "bind": listener.bind,
        "pool": listener.pool,
        "connections_active": cells[ListenerCell.ACTIVE],
        "connections_total": cells[ListenerCell.TOTAL],
        "rejected_total": sum(cells[cell] for cell in REJECTED_CELL.values()),
    }


def of_backend(view: BackendView) -> Json:
    """The fields of a backend. Connections and bytes are the workers' live counts."""
    backend, pool, cells = view.member.backend, view.pool, view.cells
    return {
        "name": backend.name,
        "address": backend.host or None,
        "port": backend.port or None,
        "state": view.member.state,
        "since": clock.iso(view.member.since),
        "weight": backend.weight,
        "effective_weight": round(pool.warming.weight(backend), 3),
        "backup": backend.backup,
        "pod": backend.pod or None,
        "node": backend.node or None,
        "zone": backend.zone or None,
        "connections_active": cells[BackendCell.ACTIVE],
        "connections_total": cells[BackendCell.TOTAL],
        "connect_failures_total": sum([cells[cell] for cell in FAILURE_CELL.values()]),
        "sent_bytes_total": cells[BackendCell.SENT_BYTES],
        "received_bytes_total": cells[BackendCell.RECEIVED_BYTES],
        "ejection": _ejection(pool.ejections.current.get(backend.name)),
        "health": _health(pool, backend, view.record or HealthRecord()),
    }


def _ejection(ejection: Ejection | None) -> Json | None:
    """Why a backend is ejected, and when the ejection ends at the latest. None if it is not ejected."""
    if ejection is None:
        return None
    return {"reason": str(ejection.failures), "until": clock.iso(clock.now() + ejection.until - monotonic())}


def _health(pool: LivePool, backend: Backend, record: HealthRecord) -> Json:
    return {
        "type": pool.settings.health.type if pool.checks(backend) else HealthType.NONE,
        "successes": record.health.successes,
        "failures": record.health.failures,
        "last_check": clock.iso(record.last_check),
        "last_result": record.last_result,
        "latency_seconds": None if record.latency is None else round(record.latency, 6),
    }
