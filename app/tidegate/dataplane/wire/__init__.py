"""The wire: the system calls of a worker on descriptors, its event loop, the common way of a byte, and its counters.

Two modules have the same interface. `native` is compiled and takes a tenth of the instructions; `plain` is Python, for where
nothing is compiled. What is not common in a relay is `Direction`, which a flow asks for when it needs it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidegate.dataplane.wire.plain import (
        Cells,
        Flow,
        Loop,
        Target,
        accept,
        peek,
        receive,
        send,
        session_line,
        set_option,
    )
else:
    try:
        from tidegate.dataplane.wire.native import (
            Cells,
            Flow,
            Loop,
            Target,
            accept,
            peek,
            receive,
            send,
            session_line,
            set_option,
        )
    except ModuleNotFoundError:  # one that is there and cannot be loaded is an error
        from tidegate.dataplane.wire.plain import (
            Cells,
            Flow,
            Loop,
            Target,
            accept,
            peek,
            receive,
            send,
            session_line,
            set_option,
        )

__all__ = ["Cell", "Cells", "Flow", "Loop", "Target", "accept", "peek", "receive", "send", "session_line", "set_option"]

Cell = Any
"""The position of a cell on the board, an integer. Not declared as one: compiled, it would become an object at each call."""
