"""The command `tidegate`, also `python -m app`. `run`, the default, loads nothing that it does not need."""

import os
import signal
import sys

STANDARD_ERROR = 2


def main() -> None:
    """Run the subcommand that the arguments name."""
    arguments = sys.argv[1:]
    if arguments in ([], ["run"]):
        _prepare_to_run()
        from app.cli.run import run  # noqa: PLC0415

        sys.exit(run(os.environ))  # noqa: TID251  (settings get the environment from here)
    from app.cli.commands import main as other  # noqa: PLC0415

    sys.exit(other(arguments))


def _prepare_to_run() -> None:
    # Until control handles them, which is half a second of imports away, signals end the process as asked; as PID 1 it
    # would not even notice them.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    # A standard stream that was closed must not become the number of a client's socket.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STANDARD_ERROR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    # structlog would import rich for tracebacks that are never printed, 3 MB of every sidecar.
    sys.modules["rich"] = None  # type: ignore[assignment]


if __name__ == "__main__":
    main()
