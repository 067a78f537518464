"""What an API server answers to a list and to the watch after it.

Each of the two parts, with a zero byte between them, has a line with status and Retry-After, and a body.
"""

from tests.fuzz.api_server import Answer, follow, server
from tests.fuzz.loop import run
from tests.fuzz.reasons import check_reason

REDIRECTS = range(300, 400)


def target(data: bytes) -> None:
    """List and watch until there is an error, which is one line for people."""
    listed, _, watched = data.partition(b"\0")
    server()
    for reason in run(follow(_answer(listed), _answer(watched))):
        check_reason(reason)


def _answer(part: bytes) -> Answer:
    head, _, body = part.partition(b"\n")
    status, _, retry_after = head.partition(b" ")
    number = int(status) if status.isdigit() and len(status) == 3 else 200
    if number < 200 or number in REDIRECTS:
        number = 200
    return Answer(number, retry_after.replace(b"\r", b""), body)
