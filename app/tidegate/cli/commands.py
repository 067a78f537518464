"""The typer application: parses the arguments and options of all subcommands."""

import os
from collections.abc import Sequence
from typing import Annotated

import typer

from tidegate import __version__
from tidegate.cli import check, run, status, top
from tidegate.cli.demo import demo

BAD_USAGE = 64
TYPER_BAD_USAGE = 2

application = typer.Typer(
    name="tidegate",
    help="TCP stream proxy for long-lived connections. Settings come from TIDEGATE_ variables and a YAML file.",
    no_args_is_help=False,
    add_completion=False,
)

Url = Annotated[
    str | None,
    typer.Option(help="Admin address of a running instance; by default TIDEGATE_ADMIN on this machine.", metavar="URL"),
]


def _print_version(wanted: bool) -> None:  # noqa: FBT001  (typer calls it with the value of the option)
    if wanted:
        typer.echo(f"tidegate {__version__}")
        raise typer.Exit


@application.callback(invoke_without_command=True)
def main_options(
    context: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001  (its callback does the work)
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Run the proxy when no subcommand is named."""
    if context.invoked_subcommand is None:
        raise typer.Exit(run.run(_environ()))


@application.command("run")
def run_command() -> None:
    """Run the proxy (the default)."""
    raise typer.Exit(run.run(_environ()))


@application.command("check")
def check_command(
    *,
    connect: Annotated[
        bool, typer.Option("--connect", help="Also ask the API servers of Kubernetes, and say what they refuse.")
    ] = False,
) -> None:
    """Validate the settings and print the effective ones."""
    raise typer.Exit(check.check(_environ(), connect=connect))


@application.command("status")
def status_command(url: Url = None) -> None:
    """Print what a running instance says about its backends."""
    raise typer.Exit(status.status(_environ(), url))


@application.command("top")
def top_command(
    url: Url = None, interval: Annotated[float, typer.Option(min=0.2, help="Seconds between updates.")] = 1.0
) -> None:
    """Watch a running instance; Ctrl-C ends it."""
    raise typer.Exit(top.top(_environ(), url, interval))


@application.command("demo")
def demo_command(
    outage_every: Annotated[float, typer.Option(min=1, help="Seconds between two outages of a backend.")] = 20.0,
) -> None:
    """Run four embedded WebSocket backends behind a proxy, with nothing to configure."""
    raise typer.Exit(demo.demo(outage_every))


def main(arguments: Sequence[str]) -> int:
    """Run the subcommand that the arguments name, and return its exit code."""
    try:
        application(list(arguments))
    except SystemExit as ended:
        return BAD_USAGE if ended.code == TYPER_BAD_USAGE else int(ended.code or 0)
    return 0


def _environ() -> dict[str, str]:
    return dict(os.environ)  # noqa: TID251  (settings get the environment from here)
