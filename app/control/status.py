"""The JSON of `/status`: what is known about everything, for people and for programs. The fields are a contract."""

from collections.abc import Iterable
from time import monotonic

from app import __version__
from app.control import clock
from app.control.listeners import BoundListener
from app.control.pools import LivePool
from app.control.process import Process
from app.control.records import HealthRecord
from app.control.totals import Totals
from app.core.backend import State
from app.core.lifecycle import ProcessState
from app.core.outlier import Ejection
from app.core.pool import Member
from app.core.reasons import ConnectFailure, RejectReason
from app.link.board import (
    BACKENDS,
    FAILURE_CELL,
    LISTENERS,
    REJECTED_CELL,
    BackendCell,
    ListenerCell,
)

SILENCE_LIMIT = 5.0

Json = dict[str, object]


def status(process: Process, pool: str | None = None, state: State | None = None) -> Json:
    """The whole status, or only the pools and backends asked for."""
    pools = [live for live in process.pools.values() if pool in (None, live.name)]
    return {
        "version": __version__,
        "state": process.state.value,
        "started": clock.iso(process.started),
        "uptime_seconds": round(process.uptime, 3),
        "workers": [_worker(process, number) for number in range(len(process.workers.all))],
        "listeners": [_listener(process.totals, listener) for listener in process.listeners.values()],
        "pools": [_pool(process.totals, live, state) for live in pools],
    }


def not_ready_reasons(process: Process) -> list[str]:
    """Why no traffic should come here, or nothing."""
    if process.state is not ProcessState.RUNNING:
        return [f"the process is {process.state}"]
    reasons = [f"listener {name}: no worker accepts" for name in process.listeners if not process.workers.accepting(name)]
    reasons += [
        f"worker {worker.number}: no sign of life for {silence:.0f} s"
        for worker in process.workers.all
        if (silence := process.totals.silent_for(worker.number)) > SILENCE_LIMIT
    ]
    for pool in process.pools.values():
        if not pool.ready:
            wanted = pool.settings.ready.min_backends
            why = f" ({pool.discovery.source}: {pool.discovery.reason})" if pool.discovery.reason else ""
            reasons.append(f"pool {pool.name}: {pool.snapshot.eligible} of at least {wanted} backends usable{why}")
    return reasons


def _worker(process: Process, number: int) -> Json:
    worker = process.workers.all[number]
    return {
        "id": number,
        "pid": worker.pid,
        "connections_active": process.totals.of_worker(number, LISTENERS, ListenerCell.ACTIVE),
        "restarts": worker.restarts,
    }


def _listener(totals: Totals, listener: BoundListener) -> Json:
    return {
        "name": listener.name,
        "bind": listener.bind,
        "pool": listener.pool,
        "connections_active": totals.total(LISTENERS, listener.slot, ListenerCell.ACTIVE),
        "connections_total": totals.total(LISTENERS, listener.slot, ListenerCell.TOTAL),
        "rejected_total": _sum(totals, listener.slot, (REJECTED_CELL[reason] for reason in RejectReason)),
    }


def _sum(totals: Totals, slot: int, cells: Iterable[int]) -> int:
    return sum(totals.total(LISTENERS, slot, cell) for cell in cells)


def _pool(totals: Totals, pool: LivePool, state: State | None) -> Json:
    return {
        "name": pool.name,
        "balance": str(pool.settings.balance),
        "panic": pool.snapshot.panic,
        "discovery": {
            "source": pool.discovery.source,
            "synced": pool.discovery.synced,
            "since": clock.iso(pool.discovery.since),
            "last_sync": clock.iso(pool.discovery.last_sync),
            "reason": pool.discovery.reason,
        },
        "backends": [_backend(totals, pool, member) for member in pool.known if state in (None, member.state)],
    }


def _backend(totals: Totals, pool: LivePool, member: Member) -> Json:
    backend, slot = member.backend, pool.slots[member.backend.name]
    failures = sum(totals.total(BACKENDS, slot, FAILURE_CELL[failure]) for failure in ConnectFailure)
    return {
        "name": backend.name,
        "address": backend.host or None,
        "port": backend.port,
        "state": member.state.value,
        "since": clock.iso(member.since),
        "weight": backend.weight,
        "effective_weight": round(pool.effective_weight(backend), 3),
        "backup": backend.backup,
        "pod": backend.pod or None,
        "node": backend.node or None,
        "zone": backend.zone or None,
        "connections_active": totals.total(BACKENDS, slot, BackendCell.ACTIVE),
        "connections_total": totals.total(BACKENDS, slot, BackendCell.TOTAL),
        "connect_failures_total": failures,
        "sent_bytes_total": totals.total(BACKENDS, slot, BackendCell.SENT_BYTES),
        "received_bytes_total": totals.total(BACKENDS, slot, BackendCell.RECEIVED_BYTES),
        "ejection": _ejection(pool.ejections.current.get(backend.name)),
        "health": _health(pool, pool.records.get(backend.name, HealthRecord())),
    }


def _ejection(ejection: Ejection | None) -> Json | None:
    """Why a backend is ejected, and until when at most."""
    if ejection is None:
        return None
    return {"reason": str(ejection.failures), "until": clock.iso(clock.now() + ejection.until - monotonic())}


def _health(pool: LivePool, record: HealthRecord) -> Json:
    return {
        "type": str(pool.settings.health.type),
        "successes": record.health.successes,
        "failures": record.health.failures,
        "last_check": clock.iso(record.last_check),
        "last_result": record.last_result,
        "latency_seconds": None if record.latency is None else round(record.latency, 6),
    }
