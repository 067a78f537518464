"""The command `tidegate`, also `python -m tidegate`. `run`, the default, imports only what it needs."""

import os
import signal
import sys

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
    # Imports take half a second before control handles signals. Until then a signal ends the process as asked; without a
    # handler, the kernel would drop signals sent to PID 1.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    outlive()
    # If a standard stream is closed, a client's socket would get its number: open /dev/null there instead.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STANDARD_ERROR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


if __name__ == "__main__":
    main()
