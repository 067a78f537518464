"""What the workers must know, as messages: a pool, its backends, a listener."""

from collections.abc import Iterable

from tidegate.control.pools.live_pool import LivePool
from tidegate.control.workers.listening_sockets import BoundListener
from tidegate.core.pools.snapshot import IGNORABLE, BackendRemoved, Change, Member, PanicChanged
from tidegate.link.messages import BackendEntry, BackendsChanged, ListenerAdded, PoolAdded
from tidegate.link.sockets import NumberOption, alive_options, buffer_options
from tidegate.settings import ConnectionSettings, ListenerSettings


def pool_added(pool: LivePool) -> PoolAdded:
    """The settings of a pool."""
    settings = pool.settings
    return PoolAdded(
        pool.name,
        pool.slot,
        settings.balance.value,
        settings.connect_timeout,
        settings.connect_attempts,
        settings.idle_timeout,
        settings.outliers.failures,
        settings.outliers.early_end,
        settings.affinity.ttl,
        settings.affinity.max_clients,
        settings.queue.size,
        settings.queue.timeout,
        ipv4_prefix=settings.hash.ipv4_prefix,
        ipv6_prefix=settings.hash.ipv6_prefix,
        bounded_load=settings.hash.bounded_load,
        slow_start=settings.slow_start,
        early_options=[list(option) for option in buffers(settings)],
        late_options=[list(option) for option in alive(settings)],
    )


def alive(settings: ConnectionSettings) -> list[NumberOption]:
    """What notices dead peers of a listener or of a pool."""
    keepalive = settings.keepalive
    return alive_options(keepalive.idle, keepalive.interval, keepalive.count, settings.effective_peer_timeout)


def buffers(settings: ConnectionSettings) -> list[NumberOption]:
    """What bounds the kernel's memory for a connection of a listener or of a pool."""
    return buffer_options(settings.receive_buffer, settings.send_buffer, settings.notsent_lowat)


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


def listener_added(listener: BoundListener, settings: ListenerSettings) -> ListenerAdded:
    """A listener; its sockets travel with the message."""
    return ListenerAdded(
        listener.name,
        listener.slot,
        listener.pool,
        [str(address) for address in listener.addresses],
        settings.max_connections,
        settings.max_connections_per_client,
        settings.accept_rate,
        settings.burst,
        settings.client_ipv6_prefix,
    )


def _entry(pool: LivePool, member: Member) -> BackendEntry:
    name = member.backend.name
    warming_since = pool.warming_since.get(name)
    return BackendEntry.of(member.backend, pool.slots[name], eligible=member.eligible, warming_since=warming_since)
