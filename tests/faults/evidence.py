"""What shows that disturbances were felt: counters of the metrics that are zero while nothing happens."""

from collections import Counter
from collections.abc import Container, Set
from typing import Final

from tests.support.proxy import Samples

COUNTERS: Final = frozenset(
    {
        "tidegate_backend_connect_failures_total",
        "tidegate_backend_ejections_total",
        "tidegate_backend_health_checks_total",
        "tidegate_discovery_events_total",
        "tidegate_listener_accept_pauses_total",
        "tidegate_listener_rejected_total",
        "tidegate_log_lines_dropped_total",
        "tidegate_log_lines_lost_total",
        "tidegate_rebalance_closed_total",
        "tidegate_worker_restarts_total",
    }
)
KINDS: Final = ("reason", "result", "type")  # labels that say of what kind it was
USUAL: Final = frozenset({"success", "added"})


def evidence(samples: Samples) -> Counter[str]:
    """The counters that something has happened to, as `worker_restarts` or `backend_connect_failures refused`."""
    found: Counter[str] = Counter()
    for (name, labels), value in samples.items():
        kind = next((text for label, text in labels if label in KINDS), "")
        if value and name in COUNTERS and kind not in USUAL:
            found[f"{name.removeprefix('tidegate_').removesuffix('_total')} {kind}".strip()] += int(value)
    return found


def is_felt(signs: Set[str], found: Container[str]) -> bool:
    """Whether any of the signs is in the evidence; what has no signs cannot go unnoticed."""
    return not signs or any(sign in found for sign in signs)
