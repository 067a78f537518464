"""The variables of the environment that are ours, and an environment without them."""

from collections.abc import Mapping

PREFIX = "TIDEGATE_"


def without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a child process: without our own variables, because they may hold secrets."""
    return {name: value for name, value in environ.items() if not name.startswith(PREFIX)}
