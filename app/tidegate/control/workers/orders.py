"""What the workers must know, as messages: a pool, its backends, a listener."""

from collections.abc import Iterable

from tidegate.control.pools.live_pool import LivePool
from tidegate.control.workers.listening_sockets import BoundListener
from tidegate.core.pools.snapshot import IGNORABLE, BackendRemoved, Change, Member, PanicChanged
from tidegate.link.messages import BackendEntry, BackendsChanged, ListenerAdded, PoolAdded


def pool_added(pool: LivePool) -> PoolAdded:
    """A pool and its options."""
    return PoolAdded(pool.name, pool.slot, pool.options)


def all_backends(pool: LivePool) -> BackendsChanged:
    """Every backend of a pool, for a worker that knows none."""
    return BackendsChanged(pool.name, [_entry(pool, member) for member in pool.snapshot.members.values()], [])


def backends_changed(pool: LivePool, changes: Iterable[Change | PanicChanged]) -> BackendsChanged:
    """Only the backends that have changed, or whose health is ignored from now on or not any more."""
    changed: dict[str, None] = {}
    removed: list[str] = []
    members = pool.snapshot.members
    for change in changes:
        if isinstance(change, BackendRemoved):
            removed.append(change.member.backend.name)
        elif isinstance(change, PanicChanged):
            changed |= dict.fromkeys(name for name, member in members.items() if member.state in IGNORABLE)
        else:
            changed[change.member.backend.name] = None
    return BackendsChanged(pool.name, [_entry(pool, members[name]) for name in changed], removed)


def listener_added(listener: BoundListener) -> ListenerAdded:
    """A listener and its options; its sockets travel with the message."""
    binds = [str(address) for address in listener.addresses]
    return ListenerAdded(listener.name, listener.slot, listener.pool, binds, listener.options)


def _entry(pool: LivePool, member: Member) -> BackendEntry:
    name = member.backend.name
    warming_since = pool.warming.since.get(name)
    return BackendEntry.of(member.backend, pool.slots[name], eligible=member.eligible, warming_since=warming_since)
