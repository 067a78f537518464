"""The command `tidegate`, also `python -m app`. `run`, the default, loads nothing that it does not need."""

import os
import sys

from app.cli.run import run


def main() -> None:
    """Run the subcommand that the arguments name."""
    arguments = sys.argv[1:]
    if arguments in ([], ["run"]):
        sys.exit(run(os.environ))  # noqa: TID251  (settings get the environment from here)
    from app.cli.commands import main as other  # noqa: PLC0415  (typer and rich cost 15 MB that a sidecar would pay for)

    sys.exit(other(arguments))


if __name__ == "__main__":
    main()
