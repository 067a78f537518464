"""The body of a watch. The first byte is the length of the chunks in which it comes; 0 means all at once."""

from tests.fuzz.loop import run
from tests.fuzz.pieces import pieces_of
from tests.fuzz.reasons import check_reason
from tests.fuzz.response import events_of
from tidegate.control.discovery.kubernetes.stream import KINDS, version_of
from tidegate.control.discovery.kubernetes.trouble import ClusterError


def target(data: bytes) -> None:
    """Read the events of a watch."""
    try:
        found = run(events_of(pieces_of(data[1:], data[0] if data else 0)))
    except ClusterError as error:
        check_reason(error)
        return
    for event in found:
        assert event.kind in KINDS
        assert isinstance(version_of(event.item), str)
