"""The answer to a list of objects of Kubernetes."""

from tests.fuzz.loop import run
from tests.fuzz.reasons import check_reason
from tests.fuzz.response import response_of
from tidegate.control.discovery.kubernetes.stream import whole_list
from tidegate.control.discovery.kubernetes.trouble import ClusterError


def target(data: bytes) -> None:
    """Read a list: its items, and a version from which it can be watched."""
    try:
        items, version = run(_read(data))
    except ClusterError as error:
        check_reason(error)
        return
    assert isinstance(items, list)
    assert version


async def _read(data: bytes) -> tuple[list[object], str]:
    return await whole_list(response_of([data]))
