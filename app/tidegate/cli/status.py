"""`tidegate status`: prints the status of a running instance as tables."""

import sys
from collections.abc import Mapping

from rich.console import Console

from tidegate.cli.instance import InstanceError, admin_url, fetch_status
from tidegate.cli.tables import overview

NO_TERMINAL_WIDTH = 160


def status(environ: Mapping[str, str], url: str | None) -> int:
    """Print the tables. Returns the exit code: 1 when no instance answers."""
    try:
        body = fetch_status(admin_url(environ, url))
    except InstanceError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = NO_TERMINAL_WIDTH
    console.print(overview(body))
    return 0
