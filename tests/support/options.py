"""Options of pools and listeners, for tests that need some of them to be particular."""

from dataclasses import replace
from typing import Any

from tidegate.core.connection_options import ConnectionOptions
from tidegate.core.listener_options import ListenerOptions
from tidegate.core.pools.options import PoolOptions

CONNECTION = ConnectionOptions(
    keepalive_idle=60.0,
    keepalive_interval=15.0,
    keepalive_count=4,
    peer_timeout=120.0,
    receive_buffer=0,
    send_buffer=0,
    notsent_lowat=0,
)
LISTENER = ListenerOptions(
    allow=None,
    deny=[],
    proxies=[],
    preface_timeout=5.0,
    routes=[],
    max_connections=0,
    max_connections_per_client=0,
    client_ipv6_prefix=64,
    accept_rate=0.0,
    accept_burst=1,
    accept_rate_per_client=0.0,
    accept_burst_per_client=1,
    connection=CONNECTION,
)
POOL = PoolOptions(
    balance="round_robin",
    bounded_load=0.0,
    ipv4_prefix=32,
    ipv6_prefix=128,
    slow_start=0.0,
    connect_timeout=1.0,
    connect_attempts=3,
    idle_timeout=0.0,
    max_duration=0.0,
    max_duration_jitter_percent=0,
    send_proxy_protocol="off",
    outlier_failures=0,
    early_end=0.0,
    affinity_ttl=0.0,
    affinity_max_clients=0,
    queue_size=0,
    queue_timeout=0.0,
    connection=CONNECTION,
)


def pool_options(**changed: Any) -> PoolOptions:
    """Options of a pool that uses nothing special, some of them changed."""
    return replace(POOL, **changed)


def listener_options(**changed: Any) -> ListenerOptions:
    """Options of a listener without limits, some of them changed."""
    return replace(LISTENER, **changed)
