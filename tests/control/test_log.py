"""Lines of control's log, for machines and for people."""

import logging
import re
from datetime import UTC, datetime

import orjson

from tests.support.logs import captured_events
from tidegate.control.log import as_json, as_text, event_log


def failed() -> ValueError:
    try:
        raise ValueError("a bug")
    except ValueError as error:
        return error


def test_an_event_begins_with_when_how_grave_and_what() -> None:
    with captured_events() as events:
        event_log.warning("backend_down", pool="chat", reason=None)
    (event,) = events
    assert list(event) == ["timestamp", "level", "event", "pool", "reason"]
    assert re.fullmatch(r"[0-9T:-]{19}\.[0-9]{6}Z", event["timestamp"])
    assert abs((datetime.now(UTC) - datetime.fromisoformat(event["timestamp"])).total_seconds()) < 60
    assert orjson.loads(as_json(event)) == event


def test_events_below_the_level_are_left_out() -> None:
    with captured_events() as events:
        event_log.least = logging.WARNING
        event_log.debug("one")
        event_log.info("two")
        event_log.error("three")
    assert [event["event"] for event in events] == ["three"]


def test_an_exception_is_told_as_text() -> None:
    with captured_events() as events:
        event_log.error("internal_error", exc_info=failed())
        event_log.error("internal_error", exc_info=None)
    first, second = events
    assert first["exception"].startswith("Traceback")
    assert first["exception"].endswith("ValueError: a bug")
    assert set(second) == {"timestamp", "level", "event"}


def test_what_json_has_no_word_for_is_written_all_the_same() -> None:
    line = orjson.loads(as_json({"event": "odd", "name": "a\udcff", "kind": object, "few": {5: "b"}, "size": 1 << 70}))
    assert (line["name"], line["size"]) == ("a?", str(1 << 70))
    assert as_json({"event": "odd", "kind": ValueError("x")}) == b'{"event":"odd","kind":"x"}'


def test_a_line_for_people_quotes_what_is_not_one_word_and_ends_with_the_traceback() -> None:
    event: dict[str, object] = {
        "timestamp": "T",
        "level": "info",
        "event": "e",
        "reason": "no answer\x1b[2J",
        "n": 5,
        "e": "",
    }
    assert as_text(event, in_colour=False) == b"T [info     ] e reason='no answer\\x1b[2J' n=5 e=''"
    assert as_text({**event, "exception": "Traceback\nx"}, in_colour=False).endswith(b"\nTraceback\nx")
    assert b"\x1b[32minfo     \x1b[0m" in as_text(event, in_colour=True)
