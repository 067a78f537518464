"""Suggests a valid name for one that does not exist."""

import difflib
from collections.abc import Iterable


def nearest(wrong: str, valid: Iterable[str]) -> str | None:
    """Return the most similar valid name, or None if none is similar. Case and double underscores do not count."""
    by_normal_form = {_normalized(name): name for name in valid}
    near = difflib.get_close_matches(_normalized(wrong[:200]), by_normal_form, n=1, cutoff=0.7)
    return by_normal_form[near[0]] if near else None


def _normalized(name: str) -> str:
    return name.lower().replace("__", "_")
