"""What one round runs: settings, backends and load, all drawn from one seed.

A new capability adds itself here: a line in `TRANSPORTS` or in `EXTRAS`.
"""

import random
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from typing import Any, Final

from tests.faults.opening import ROUTES
from tests.faults.script import Sizes
from tidegate.core.balance import POLICIES
from tidegate.core.splice import Splice
from tidegate.core.unix_socket import UNIX


@dataclass(frozen=True)
class Transport:
    """How clients reach the listener, and the listener its backends: by IP addresses, or `unix:` for a socket of each.

    With `introduced` clients begin with a PROXY header, as those at a Unix socket have no address that tells them apart.
    """

    listener: str
    backends: tuple[str, ...]  # their hosts
    introduced: bool = False

    @property
    def has_resets(self) -> bool:
        """Whether peers at both sides can break a connection off, and notice that the other one has."""
        return UNIX not in (self.listener, *self.backends)

    @property
    def sources(self) -> frozenset[str]:
        """The sources that can name the backends: DNS names no ports, and only settings know Unix sockets."""
        if UNIX in self.backends:
            return frozenset({"static"})
        return frozenset({"static", "kubernetes", *(["dns"] if self.backends == HOSTS else [])})


IPV4, IPV6 = "127.0.0.1", "::1"
HOSTS: Final = tuple(f"127.0.0.{number}" for number in range(11, 17))
TRANSPORTS: Final = {
    "ipv4": Transport(IPV4, HOSTS),
    "ipv6": Transport(IPV6, (IPV6,) * 4),
    "ipv4 to ipv6": Transport(IPV4, (IPV6,) * 4),
    "ipv6 to ipv4": Transport(IPV6, HOSTS),
    "ipv4 to unix": Transport(IPV4, (UNIX,) * 4),
    "unix to ipv4": Transport(UNIX, HOSTS, introduced=True),
}
LOADS: Final = {
    "short": (Sizes(middling=0.05, long=0.0), 64),
    "mixed": (Sizes(long=0.02), 128),
    "long": (Sizes(middling=0.3, long=0.15, pauses=0.05), 200),
    "floods": (Sizes(long=0.3, flood=0.3, resets=0.05, pauses=0.0), 12),
    "slow": (Sizes(middling=0.3, pauses=0.6), 400),
}


@dataclass(frozen=True)
class Extra:
    """Settings that sessions must not notice, unless it says so. They contradict what of a mix they are `unlike`.

    `marks` go with the backends in turn, in the settings. There are these `listeners`, too, each with the name of its pool.
    Clients may meet the limits that it `rejects` by. So many of the sessions are `idle` until the proxy ends them. `signs`
    show that it was felt. PROXY headers come before clients' streams with `introduced`, and before backends' with `told`.
    With `routed` clients begin with bytes that choose the pool.
    """

    name: str
    settings: tuple[tuple[str, Any], ...] = ()
    unlike: frozenset[str] = frozenset()
    marks: tuple[str, ...] = ()
    listeners: tuple[tuple[str, str], ...] = ()
    rejects: frozenset[str] = frozenset()
    idle: float = 0.0
    signs: frozenset[str] = frozenset()
    introduced: bool = False
    told: bool = False
    routed: bool = False

    def contradicts(self, sources: Set[str], unlike: Set[str]) -> bool:
        """Whether it goes with none of these sources, or is among what is `unlike` something else."""
        return self.name in unlike or not sources - self.unlike


WITHOUT_RESETS: Final = frozenset(name for name, transport in TRANSPORTS.items() if not transport.has_resets)
PLACED: Final = frozenset({"source_hash", "first"})  # policies that place clients by themselves
FOUND: Final = frozenset({"dns", "kubernetes"})  # sources whose backends have no marks
EXTRAS: Final = (
    Extra("affinity", (("AFFINITY__TTL", "30s"),), PLACED),
    Extra("slow start", (("SLOW_START", "2s"),), PLACED),
    Extra("bounded load", (("HASH__BOUNDED_LOAD", 1.25),), frozenset(POLICIES) - {"source_hash"}),
    Extra("small buffer", (("BUFFER_SIZE", "16KiB"),)),
    Extra("small kernel buffers", (("RECEIVE_BUFFER", "64KiB"), ("SEND_BUFFER", "64KiB"))),
    Extra("short queue of unsent bytes", (("NOTSENT_LOWAT", "128KiB"),)),
    Extra("queue", (("QUEUE__SIZE", 5000), ("QUEUE__TIMEOUT", "60s"))),
    Extra("weights", unlike=FOUND, marks=("weight=1", "weight=5", "weight=2")),
    Extra("backup", unlike=FOUND, marks=("", "", "backup")),
    Extra(
        "full",
        unlike=FOUND,
        marks=("max_connections=8",),
        rejects=frozenset({"backends_full"}),
        signs=frozenset({"rejected"}),
    ),
    Extra(
        "full with a queue",
        (("QUEUE__SIZE", 20), ("QUEUE__TIMEOUT", "200ms")),
        FOUND | {"full", "queue"},
        ("max_connections=4", "max_connections=8"),
        rejects=frozenset({"queue_full", "queue_timeout"}),
        signs=frozenset({"queued"}),
    ),
    Extra("several listeners and pools", listeners=(("more", "default"), ("other", "other"))),
    Extra("idle timeout", (("IDLE_TIMEOUT", "8s"),), WITHOUT_RESETS, idle=0.005),
    Extra("clients introduced", (("PROXY_PROTOCOL__FROM", "127.0.0.0/8,::1"),), WITHOUT_RESETS, introduced=True),
    Extra("backends told by v1", (("SEND_PROXY_PROTOCOL", "v1"),), frozenset({"backends told by v2"}), told=True),
    Extra("backends told by v2", (("SEND_PROXY_PROTOCOL", "v2"),), told=True),
    Extra(
        "routes",
        (("ROUTES", ROUTES), ("PREFACE_TIMEOUT", "60s")),
        listeners=(("other", "other"),),
        signs=frozenset({"rejected"}),
        routed=True,
    ),
)


@dataclass(frozen=True)
class Mix:
    """One draw."""

    seed: int
    workers: int
    balance: str
    transport: str
    load: str
    source: str  # static, dns or kubernetes
    splice: str
    greets: bool
    extras: tuple[Extra, ...]

    @property
    def sizes(self) -> Sizes:
        """Of the streams."""
        sizes = replace(LOADS[self.load][0], idle=sum(extra.idle for extra in self.extras))
        return sizes if self.has_resets else replace(sizes, resets=0.0)

    @property
    def has_resets(self) -> bool:
        """Whether peers at both sides can break a connection off, and notice that the other one has."""
        return TRANSPORTS[self.transport].has_resets

    @property
    def at_once(self) -> int:
        """Clients."""
        return LOADS[self.load][1]

    @property
    def rejects(self) -> frozenset[str]:
        """The limits that clients may meet."""
        return frozenset[str]().union(*(extra.rejects for extra in self.extras))

    @property
    def introduced(self) -> bool:
        """Whether clients begin with a PROXY header."""
        return TRANSPORTS[self.transport].introduced or any(extra.introduced for extra in self.extras)

    @property
    def told(self) -> bool:
        """Whether backends get a PROXY header first."""
        return any(extra.told for extra in self.extras)

    @property
    def routed(self) -> bool:
        """Whether clients begin with what chooses their pool."""
        return any(extra.routed for extra in self.extras)

    @property
    def listeners(self) -> dict[str, str]:
        """All, each with the name of its pool."""
        return {"default": "default"} | dict(listener for extra in self.extras for listener in extra.listeners)

    def marks(self, backends: int) -> list[str]:
        """What the settings say of each of so many backends."""
        marks = [
            [extra.marks[number % len(extra.marks)] for extra in self.extras if extra.marks] for number in range(backends)
        ]
        return [" ".join(filter(None, each)) for each in marks]

    def settings(self) -> dict[str, Any]:
        """Of the proxy, without where its backends are."""
        return {
            "WORKERS": self.workers,
            "BALANCE": self.balance,
            "SPLICE": self.splice,
            "HEALTH__INTERVAL": "500ms",
            "HEALTH__TIMEOUT": "500ms",
            "HEALTH__FALL": 3,
            "DRAIN__GRACE": "20s",
            **({"PROXY_PROTOCOL__FROM": UNIX} if TRANSPORTS[self.transport].introduced else {}),
            **dict(setting for extra in self.extras for setting in extra.settings),
        }

    def __str__(self) -> str:
        greets = ", backends greet" if self.greets else ""
        extras = "".join(f", {extra.name}" for extra in self.extras)
        parts = f"{self.workers} workers, {self.balance}, {self.transport}, {self.source}, {self.load}, splice {self.splice}"
        return f"seed {self.seed}: {parts}{greets}{extras}"


def _going_together(extras: Iterable[Extra]) -> tuple[Extra, ...]:
    """Those that do not contradict one before."""
    chosen: list[Extra] = []
    for extra in extras:
        if not any(extra.name in other.unlike or other.name in extra.unlike for other in chosen):
            chosen.append(extra)
    return tuple(chosen)


def draw(seed: int, sources: Set[str], unlike: Set[str] = frozenset(), **given: Any) -> Mix:
    """The mix of a seed with one of these sources, and nothing of what is `unlike` it; what is given is not drawn."""
    chance = random.Random(seed)
    possible = {name: one for name, one in TRANSPORTS.items() if name not in unlike and given.get("transport", name) == name}
    source = chance.choice(sorted((sources - unlike) & frozenset[str]().union(*(one.sources for one in possible.values()))))
    balance = chance.choice([policy for policy in POLICIES if policy not in unlike])
    transport = chance.choice([name for name, one in possible.items() if source in one.sources])
    settled = {balance, source, transport}
    extras = [extra for extra in EXTRAS if not extra.unlike & settled and extra.name not in unlike]
    drawn: dict[str, Any] = {
        "workers": chance.choice((1, 2, 4)),
        "balance": balance,
        "transport": transport,
        "load": chance.choice(list(LOADS)),
        "source": source,
        "splice": chance.choice((Splice.ADAPTIVE, Splice.ADAPTIVE, Splice.ALWAYS, Splice.NEVER)),
        "greets": chance.random() < 0.4,
        "extras": _going_together(chance.sample(extras, chance.choice((0, 1, 2)))),
    }
    return Mix(seed, **drawn | given)
