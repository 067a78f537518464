"""The options of a pool that its workers need: made from its settings, and sent to every worker as they are."""

from dataclasses import dataclass

from tidegate.core.connection_options import ConnectionOptions

NO_HEADER = "off"
"""In place of a version of the PROXY protocol, as in `core/preface/proxy_version.py`."""


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """How a pool chooses a backend, dials it, and lets clients wait. Times in seconds.

    `idle_timeout` and `max_duration` 0 mean never, `affinity_ttl` 0 no affinity, `queue_size` 0 no queue (it is for all
    workers together), `slow_start` 0 none, and `bounded_load` 0 no bound; the bound is for the policy `source_hash`. The
    prefixes say which clients count as one. `outlier_failures` in a row are reported at once, 0 means that failures in a row
    do not matter; a session that its backend ends within `early_end` of the connect without a byte is such a failure.
    """

    balance: str
    bounded_load: float
    ipv4_prefix: int
    ipv6_prefix: int
    slow_start: float
    connect_timeout: float
    connect_attempts: int
    idle_timeout: float
    max_duration: float
    max_duration_jitter_percent: int
    send_proxy_protocol: str
    outlier_failures: int
    early_end: float
    affinity_ttl: float
    affinity_max_clients: int
    queue_size: int
    queue_timeout: float
    connection: ConnectionOptions
