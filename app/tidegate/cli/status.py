"""`tidegate status`: what a running instance says about its backends, as tables."""

import sys
from collections.abc import Mapping

from rich.console import Console

from tidegate.cli.instance import InstanceError, admin_url, fetch_status
from tidegate.cli.tables import overview

NO_TERMINAL_WIDTH = 160


def status(environ: Mapping[str, str], url: str | None) -> int:
    """Print the tables; answers 1 when there is no instance to ask."""
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
