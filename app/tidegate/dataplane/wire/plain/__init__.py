"""The wire in Python."""

from tidegate.dataplane.wire.plain.cells import Cells
from tidegate.dataplane.wire.plain.flow import Flow
from tidegate.dataplane.wire.plain.log_line import session_line
from tidegate.dataplane.wire.plain.loop import Loop
from tidegate.dataplane.wire.plain.sockets import Target, accept, peek, receive, send, set_option

__all__ = ["Cells", "Flow", "Loop", "Target", "accept", "peek", "receive", "send", "session_line", "set_option"]
