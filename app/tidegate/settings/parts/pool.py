"""Settings of a pool: its backends, and how each new connection gets one of them."""

from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from tidegate.core.pools.options import PoolOptions
from tidegate.core.preface.proxy_version import ProxyVersion
from tidegate.settings.notation.values import choice, duration, short_duration, whole_number
from tidegate.settings.parts.affinity import AffinitySettings
from tidegate.settings.parts.backend import BackendSettings
from tidegate.settings.parts.connection import ConnectionSettings
from tidegate.settings.parts.dns import DnsSettings
from tidegate.settings.parts.hashing import HashSettings
from tidegate.settings.parts.health import HealthSettings
from tidegate.settings.parts.kubernetes import KubernetesSettings
from tidegate.settings.parts.outliers import OutlierSettings
from tidegate.settings.parts.queue import QueueSettings
from tidegate.settings.parts.rebalance import HIGHEST_RATE, RebalanceSettings
from tidegate.settings.parts.section import Section, items_of
from tidegate.settings.words import Balance, LiveSessions, RebalanceMode, WhenAllDown

MOST_BACKENDS = 4096
USUAL_JITTER_PERCENT, MOST_JITTER_PERCENT = 10, 50
NO_BACKENDS = (
    "no backends: give a comma list of host:port or unix:/path, like 10.0.0.5:8001 weight=2, 10.0.0.6:8001 backup, "
    "or dns.name or kubernetes.service"
)
NOT_BY_LOAD = frozenset({"source_hash", "first"})
"""Policies that send a client who comes back to the backend it was on."""


KEEPS_CLIENTS_ELSEWHERE = {
    "source_hash": "it keeps clients on their backends already",
    "first": "it fills one backend after the other, and affinity would not",
}
"""Policies that affinity contradicts, and why."""

NO_SLOW_START = {
    Balance.SOURCE_HASH: "its clients would move to other backends and back",
    Balance.FIRST: "it fills a backend whatever its share is",
}
"""Policies without a slow start, and why."""

_NO_HASH = HashSettings()


class ReadySettings(Section):
    """What a pool needs for the proxy to be ready."""

    min_backends: Annotated[int, whole_number(0, MOST_BACKENDS)] = Field(
        default=1, description="usable backends that every pool needs for `/readyz`"
    )


def _backend_items(value: object) -> list[object]:
    items = items_of(value, MOST_BACKENDS)
    if not items:
        raise ValueError(NO_BACKENDS)
    return items


class PoolSettings(ConnectionSettings):
    """One pool, with its connections to backends; durations are in seconds.

    That it has exactly one source of backends is looked at in `relations`.
    """

    backends: Annotated[tuple[BackendSettings, ...], BeforeValidator(_backend_items)] = Field(
        default=(),
        validate_default=False,
        description="comma list of `host:port` or `unix:/path`, each with options: "
        "`10.0.0.5:8001 weight=2 max_connections=500, 10.0.0.6:8001 backup`",
    )
    dns: DnsSettings = Field(default_factory=DnsSettings, description="backends from DNS records")
    kubernetes: KubernetesSettings = Field(
        default_factory=KubernetesSettings, description="a Service whose endpoints are the backends"
    )
    balance: Annotated[Balance, choice(Balance)] = Field(
        default=Balance.LEAST_CONNECTIONS,
        description="how a backend is chosen: `round_robin`, `least_connections`, `least_latency`, `random_two`, `first`, "
        "`source_hash`",
    )
    slow_start: Annotated[float, duration(least=0.0, most=3600.0, note=" (0 means off)")] = Field(
        default=0.0,
        description="time over which the share of a backend that has just come up grows from a tenth; `0` = off",
    )
    health: HealthSettings = Field(default_factory=HealthSettings, description="active checks")
    outliers: OutlierSettings = Field(default_factory=OutlierSettings, description="passive health")
    when_all_down: Annotated[WhenAllDown, choice(WhenAllDown)] = Field(
        default=WhenAllDown.CLOSE,
        description="what to do while no backend is up: `close` (reset the client) or `try_all` (also those that are down)",
    )
    panic_threshold: Annotated[int, whole_number(0, 100)] = Field(
        default=0,
        description="percent of the backends below which health is ignored, because the checks are more likely wrong; "
        "`0` = never",
    )
    connect_timeout: Annotated[float, short_duration()] = Field(
        default=5.0, description="time for one attempt to connect to a backend"
    )
    connect_attempts: Annotated[int, whole_number(1, 100)] = Field(
        default=3, description="attempts to connect, each on another backend"
    )
    idle_timeout: Annotated[float, duration(least=0.0, note=" (0 means never)")] = Field(
        default=3600.0, description="time without a byte either way after which a session ends; `0` = never"
    )
    max_duration: Annotated[float, duration(least=0.0, note=" (0 means no limit)")] = Field(
        default=0.0, description="longest life of a session, whatever it does; `0` = no limit"
    )
    max_duration_jitter_percent: Annotated[int, whole_number(0, MOST_JITTER_PERCENT)] = Field(
        default=USUAL_JITTER_PERCENT,
        description="percent of that, the last ones, over which sessions that began together are ended",
    )
    send_proxy_protocol: Annotated[ProxyVersion, choice(ProxyVersion)] = Field(
        default=ProxyVersion.OFF, description="header that tells backends the client's address: `v1`, `v2`, `off`"
    )
    on_down: Annotated[LiveSessions, choice(LiveSessions)] = Field(
        default=LiveSessions.KEEP, description="live sessions of a backend whose checks fail: `keep`, `close`"
    )
    on_removed: Annotated[LiveSessions, choice(LiveSessions)] = Field(
        default=LiveSessions.KEEP, description="live sessions of a backend that leaves the pool: `keep`, `close`"
    )
    on_primary_up: Annotated[LiveSessions, choice(LiveSessions)] = Field(
        default=LiveSessions.KEEP,
        description="live sessions of `backup` backends when one that is no backup comes up: `keep`, `close`",
    )
    close_window: Annotated[float, duration(least=0.0)] = Field(
        default=10.0, description="time over which these sessions are closed, idle ones first"
    )
    close_rate: Annotated[int, whole_number(0, HIGHEST_RATE, " (0 means that only close_window decides)")] = Field(
        default=0, description="sessions that are closed per second, at most, even if it takes longer; `0` = no limit"
    )
    rebalance: RebalanceSettings = Field(
        default_factory=RebalanceSettings, description="whether live sessions move when the pool has grown"
    )
    affinity: AffinitySettings = Field(
        default_factory=AffinitySettings, description="whether clients come back to the backend that they had"
    )
    queue: QueueSettings = Field(default_factory=QueueSettings, description="how clients wait while all backends are full")
    hash: HashSettings = Field(default_factory=HashSettings, description="how clients are told apart")
    ready: ReadySettings = Field(default_factory=ReadySettings, description="what the pool needs to be ready")

    @property
    def source(self) -> str:
        """Where the backends come from: `static`, `dns` or `kubernetes`."""
        if self.kubernetes.service:
            return "kubernetes"
        return "dns" if self.dns.name else "static"

    @property
    def options(self) -> PoolOptions:
        """The options that workers get."""
        return PoolOptions(
            balance=self.balance.value,
            bounded_load=self.hash.bounded_load,
            ipv4_prefix=self.hash.ipv4_prefix,
            ipv6_prefix=self.hash.ipv6_prefix,
            slow_start=self.slow_start,
            connect_timeout=self.connect_timeout,
            connect_attempts=self.connect_attempts,
            idle_timeout=self.idle_timeout,
            max_duration=self.max_duration,
            max_duration_jitter_percent=self.max_duration_jitter_percent,
            send_proxy_protocol=self.send_proxy_protocol.value,
            outlier_failures=self.outliers.failures,
            early_end=self.outliers.early_end,
            affinity_ttl=self.affinity.ttl,
            affinity_max_clients=self.affinity.max_clients,
            queue_size=self.queue.size,
            queue_timeout=self.queue.timeout,
            connection=self.connection_options,
        )

    @field_validator("backends")
    @classmethod
    def _distinct(cls, backends: tuple[BackendSettings, ...]) -> tuple[BackendSettings, ...]:
        seen: set[str] = set()
        for name in (str(backend.address) for backend in backends):
            if name in seen:
                raise ValueError(f"{name} is given twice: expected each backend once")
            seen.add(name)
        return backends

    @field_validator("rebalance")
    @classmethod
    def _not_pointless(cls, rebalance: RebalanceSettings, info: ValidationInfo) -> RebalanceSettings:
        balance = info.data.get("balance")
        if rebalance.mode is not RebalanceMode.OFF and balance in NOT_BY_LOAD:
            message = f"with balance {balance} clients would come back to the same backend: expected off"
            raise PydanticCustomError("pointless", "{message}", {"key": "mode", "message": message})
        return rebalance

    @field_validator("affinity")
    @classmethod
    def _not_against_the_policy(cls, affinity: AffinitySettings, info: ValidationInfo) -> AffinitySettings:
        balance = str(info.data.get("balance", ""))
        if affinity.ttl and balance in KEEPS_CLIENTS_ELSEWHERE:
            message = f"not together with balance {balance}: {KEEPS_CLIENTS_ELSEWHERE[balance]}; expected 0s"
            raise PydanticCustomError("contradiction", "{message}", {"key": "ttl", "message": message})
        if affinity.ttl and (rebalance := info.data.get("rebalance")) and rebalance.mode is not RebalanceMode.OFF:
            message = "not together with a rebalance, whose clients would come back to the same backend; expected 0s"
            raise PydanticCustomError("contradiction", "{message}", {"key": "ttl", "message": message})
        return affinity

    @field_validator("max_duration_jitter_percent")
    @classmethod
    def _of_a_duration(cls, percent: int, info: ValidationInfo) -> int:
        if percent != USUAL_JITTER_PERCENT and info.data.get("max_duration") == 0:
            raise ValueError("there is no max_duration: expected one, too")
        return percent

    @field_validator("slow_start")
    @classmethod
    def _makes_sense(cls, slow_start: float, info: ValidationInfo) -> float:
        balance = info.data.get("balance")
        if slow_start and balance in NO_SLOW_START:
            raise ValueError(f"not with balance {balance}, for {NO_SLOW_START[balance]}: expected 0s, or another balance")
        return slow_start

    @field_validator("hash")
    @classmethod
    def _used(cls, value: HashSettings, info: ValidationInfo) -> HashSettings:
        if not {"balance", "affinity"} <= info.data.keys() or info.data["balance"] is Balance.SOURCE_HASH:
            return value
        keys = ("bounded_load",) if info.data["affinity"].ttl else ("bounded_load", "ipv4_prefix", "ipv6_prefix")
        if unused := next((key for key in keys if getattr(value, key) != getattr(_NO_HASH, key)), None):
            wanted = "balance source_hash" if unused == "bounded_load" else "balance source_hash or an affinity"
            message = f"it does nothing with balance {info.data['balance']}: leave it out, or give {wanted}"
            raise PydanticCustomError("unused", "{message}", {"key": unused, "message": message})
        return value

    @field_validator("ready")
    @classmethod
    def _reachable(cls, ready: ReadySettings, info: ValidationInfo) -> ReadySettings:
        count = len(info.data.get("backends", ())) or MOST_BACKENDS
        if ready.min_backends > count:
            message = f"the pool has fewer backends than that: expected at most {count}"
            raise PydanticCustomError("too_many", "{message}", {"key": "min_backends", "message": message})
        return ready
