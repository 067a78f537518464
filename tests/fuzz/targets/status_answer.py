"""The answer of an admin port to `tidegate status`. One that leads elsewhere is left out: it would be followed."""

import io
from contextlib import redirect_stderr, redirect_stdout

from tests.fuzz.http_server import url_of
from tidegate.cli.status import status

ALLOWED_CONTROL = "\n"


def target(data: bytes) -> None:
    """Show the status that this answer has, or say that it has none."""
    if b"location" in data.lower():
        return
    shown, said = io.StringIO(), io.StringIO()
    with redirect_stdout(shown), redirect_stderr(said):
        code = status({}, url_of(data))
    assert code == (1 if said.getvalue() else 0)
    for text in (shown.getvalue(), said.getvalue()):
        assert all(letter.isprintable() or letter in ALLOWED_CONTROL for letter in text), text
