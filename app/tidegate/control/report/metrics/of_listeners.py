"""The metrics of a listener."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tidegate.control.process import Process
from tidegate.control.report.metrics.metric import ByLabel, Labels, Metric, Single, cell, cells
from tidegate.control.workers.listening_sockets import BoundListener
from tidegate.link.board import LISTENERS, REJECTED_CELL, ListenerCell

LABELS = ("listener",)


@dataclass(frozen=True, slots=True)
class ListenerView:
    """A listener, and its numbers over all workers, indexed by ListenerCell."""

    listener: BoundListener
    cells: Sequence[int]


def listeners(process: Process) -> Iterator[tuple[Labels, ListenerView]]:
    """All listeners with their labels."""
    for name, listener in list(process.listeners.items()):
        yield Labels.of(LABELS, (name,)), ListenerView(listener, process.totals.of_slot(LISTENERS, listener.slot))


METRICS: tuple[Metric[ListenerView], ...] = (
    Single("tidegate_listener_connections_total", "counter", "Client connections accepted.", cell(ListenerCell.TOTAL)),
    Single("tidegate_listener_connections_active", "gauge", "Client connections open now.", cell(ListenerCell.ACTIVE)),
    Single(
        "tidegate_listener_connections_limit",
        "gauge",
        "Client connections that may be open at once; there is no series without a limit.",
        lambda view: view.listener.options.max_connections or None,
    ),
    ByLabel(
        "tidegate_listener_rejected_total",
        "counter",
        "Clients turned away before a dial.",
        "reason",
        cells(REJECTED_CELL.items()),
    ),
    Single(
        "tidegate_listener_accept_pauses_total",
        "counter",
        "Times that accepting paused because file descriptors had run out.",
        cell(ListenerCell.ACCEPT_PAUSES),
    ),
    Single(
        "tidegate_listener_rate_pauses_total",
        "counter",
        "Times that accepting paused because the accept rate was used up.",
        cell(ListenerCell.RATE_PAUSES),
    ),
)
