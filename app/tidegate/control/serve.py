"""The control process from settings to exit code."""

import atexit
import gc
import os
import resource
from collections.abc import Mapping
from typing import TYPE_CHECKING

import uvloop

from tidegate.control import tasks
from tidegate.control.descriptors import TooFewDescriptorsError
from tidegate.control.log import ControlLog, configure, event_log
from tidegate.control.supervisor import Supervisor
from tidegate.control.workers.listening_sockets import CannotBindError
from tidegate.link.process_title import set_title
from tidegate.settings.words import LogFormat, LogLevel

if TYPE_CHECKING:
    from tidegate.settings.model import Settings

STANDARD_OUTPUT = 1
YOUNG_OBJECTS = 5000
"""New objects after which garbage is collected. With the usual 700, thousands of backends that are probed set off a
collection every few milliseconds, and it finds nothing."""

STOPPED_AS_ASKED = 0
FAILED = 1
UNAVAILABLE = 69


def serve(settings: "Settings", environ: Mapping[str, str]) -> int:
    """Run the proxy until it is told to stop, and end the process; answers an exit code only when it could not start.

    `environ` says where the API server of the cluster is that this runs in.
    """
    set_title("tidegate: control", "tidegate")
    console = os.isatty(STANDARD_OUTPUT) if settings.log.format is None else settings.log.format is LogFormat.CONSOLE
    log = configure(settings.log.level.value, console=console)
    _raise_descriptor_limit()
    gc.set_threshold(YOUNG_OBJECTS)
    try:
        uvloop.run(_run(settings, environ, log, log_console=console))
    except CannotBindError as error:
        event_log.error("cannot_bind", reason=str(error))
        log.drain()
        return UNAVAILABLE
    except TooFewDescriptorsError as error:
        event_log.error("too_few_descriptors", reason=str(error))
        log.drain()
        return UNAVAILABLE
    return FAILED


async def _run(settings: "Settings", environ: Mapping[str, str], log: ControlLog, *, log_console: bool) -> None:
    log_sessions = settings.log.level in (LogLevel.DEBUG, LogLevel.INFO)
    await Supervisor(settings, environ, log, log_sessions=log_sessions, log_console=log_console).run()
    log.drain()
    atexit._run_exitfuncs()  # noqa: SLF001  (the kubernetes package removes the key files that it has written)
    # A look-up that hangs in a thread of the loop would hold an orderly end up, and nothing else is left to tidy.
    os._exit(FAILED if tasks.failure.is_set() else STOPPED_AS_ASKED)


def _raise_descriptor_limit() -> None:
    """A session needs two descriptors; the soft limit is often far below what the system allows. Workers inherit it."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
