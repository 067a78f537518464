"""What a PROXY header costs: new connections that begin with one beside new connections without, by processor time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import truediv
from pathlib import Path
from statistics import median

from tests.bench.contenders import contender
from tests.bench.contenders.target import Job, Target
from tests.bench.figures import Numbers, Pace, Work, less
from tests.bench.loads import short_connections, web_backend
from tests.bench.processes import processor_seconds
from tidegate.core.address import Address
from tidegate.core.preface.proxy_v1 import write_v1
from tidegate.core.preface.proxy_v2 import write_v2

CLIENTS = 64
SLICE = 1  # seconds; connections with and without a header take turns, so that what else the machine does falls on all alike
CLIENT = (Address("192.0.2.7", 40001), Address("198.51.100.1", 443))
HEADERS = {"no header": b"", "v1": write_v1(CLIENT), "v2": write_v2(CLIENT, checksum=False)}  # as HAProxy writes them
COST = "processor seconds per connection"


@dataclass(frozen=True)
class Slice:
    """Connections that a proxy has served, and its seconds of processor for them."""

    connections: int
    spent: float


def proxy_headers() -> Work:
    """A new connection per request, without a PROXY header and with one of each version."""

    def measure(name: str, folder: Path, pace: Pace) -> Numbers:
        for of_its_own in ("plain", "headers"):
            (folder / of_its_own).mkdir()
        with (
            web_backend(folder) as ports,
            contender(name, folder / "plain", Job(ports)) as plain,
            contender(name, folder / "headers", Job(ports, proxy_headers=True)) as accepting,
        ):
            slices: dict[str, list[Slice]] = {kind: [] for kind in HEADERS}
            for number in range(pace.seconds + 1):
                for kind, header in HEADERS.items():
                    seen = _slice(accepting if header else plain, header)
                    if number:  # after one to warm up
                        slices[kind].append(seen)
        return compared(slices)

    figures = {f"{COST}, {kind}": less() for kind in HEADERS}
    figures |= {f"{COST}, {kind}, times no header": less(limit=1.15) for kind in ("v1", "v2")}
    return Work("new connections with a preface", figures, measure, peers=("haproxy",))


def compared(slices: Mapping[str, Sequence[Slice]]) -> Numbers:
    """The medians of slices in turn: what a connection costs with each kind of header, and times one without."""
    costs = {kind: [one.spent / one.connections for one in many] for kind, many in slices.items()}
    plain = costs["no header"]
    return {f"{COST}, {kind}": median(many) for kind, many in costs.items()} | {
        f"{COST}, {kind}, times no header": median(map(truediv, costs[kind], plain)) for kind in ("v1", "v2")
    }


def _slice(target: Target, header: bytes) -> Slice:
    before = processor_seconds(target.pids)
    seen = short_connections(target.port, CLIENTS, SLICE, header)
    return Slice(seen.requests, processor_seconds(target.pids) - before)
