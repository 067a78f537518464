"""The command `tidegate`, also `python -m app`. `run`, the default, loads nothing that it does not need."""

import os
import sys


def main() -> None:
    """Run the subcommand that the arguments name."""
    arguments = sys.argv[1:]
    if arguments in ([], ["run"]):
        # structlog would import rich for tracebacks that are never printed, 3 MB of every sidecar.
        sys.modules["rich"] = None  # type: ignore[assignment]
        from app.cli.run import run  # noqa: PLC0415

        sys.exit(run(os.environ))  # noqa: TID251  (settings get the environment from here)
    from app.cli.commands import main as other  # noqa: PLC0415

    sys.exit(other(arguments))


if __name__ == "__main__":
    main()
