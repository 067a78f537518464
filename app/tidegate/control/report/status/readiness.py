"""Decides the answer of `/readyz`: whether traffic may come, or the reasons why not."""

from tidegate.control.process import Process
from tidegate.core.lifecycle import ProcessState

SILENCE_LIMIT = 5.0
"""Seconds without a sign of life after which a worker makes the process not ready."""


def not_ready_reasons(process: Process) -> list[str]:
    """The reasons why no traffic should come here; empty if the process is ready."""
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
