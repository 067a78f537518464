"""The command `tidegate`, also `python -m tidegate`. `run`, the default, loads nothing that it does not need."""

import os
import signal
import ssl
import sys
from importlib import import_module

from tidegate.link.signals import outlive

STANDARD_ERROR = 2


def main() -> None:
    """Run the subcommand that the arguments name."""
    arguments = sys.argv[1:]
    if arguments in ([], ["run"]):
        _prepare_to_run()
        from tidegate.cli.run import run  # noqa: PLC0415

        sys.exit(run(os.environ))  # noqa: TID251  (settings get the environment from here)
    from tidegate.cli.commands import main as other  # noqa: PLC0415

    sys.exit(other(arguments))


def _prepare_to_run() -> None:
    # Until control handles them, which is half a second of imports away, signals end the process as asked; as PID 1 it
    # would not even notice them.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    outlive()
    # A standard stream that was closed must not become the number of a client's socket.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STANDARD_ERROR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    _leave_out_what_libraries_would_load()
    os.environ["SPT_NOENV"] = "1"  # noqa: TID251  a longer title would take the place of the environment in /proc


def _leave_out_what_libraries_would_load() -> None:
    """Save every sidecar 6 MB that nothing here uses."""
    # structlog would import rich for tracebacks that are never printed and greenlet where it is installed, and the lists
    # that aiohttp freezes a few of bring the library of C++.
    sys.modules.update(dict.fromkeys(("rich", "greenlet", "frozenlist._frozenlist")))  # type: ignore[arg-type]
    # aiohttp would read all certificates of the system twice, for clients that bring no context of their own; ours do.
    ssl.SSLContext.set_default_verify_paths = lambda _: None  # type: ignore[assignment,method-assign]  # hides the inherited
    import_module("aiohttp")
    del ssl.SSLContext.set_default_verify_paths


if __name__ == "__main__":
    main()
