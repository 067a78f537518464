"""What somebody may have meant who wrote a name that does not exist."""

import difflib
from collections.abc import Iterable


def nearest(wrong: str, valid: Iterable[str]) -> str | None:
    """Return the valid name that looks most like the wrong one, if any does; case and double underscores do not count."""
    looks = {_look(name): name for name in valid}
    near = difflib.get_close_matches(_look(wrong[:200]), looks, n=1, cutoff=0.7)
    return looks[near[0]] if near else None


def _look(name: str) -> str:
    return name.lower().replace("__", "_")
