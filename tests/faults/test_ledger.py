"""The ledger: whatever the proxy says that the driver did not see is found."""

import itertools
import socket
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.faults.entrance import Entrance
from tests.faults.ledger import KILLED, Ledger
from tests.faults.opening import opening
from tests.faults.part import Part
from tests.faults.script import End, Half, Script
from tests.faults.session import Session
from tests.support.proxy import Fields

CLIENT = "127.0.1.1:40000"
ENTRANCE = Entrance("default", "default", "127.0.0.1", 8000, ("a:1", "b:2"))
HALF = Half(size=100, piece=100, read=100, reading_pause=0.0, pause=0.0)


def line(**fields: Any) -> Fields:
    said: Fields = {
        "timestamp": datetime.now(UTC).isoformat(),
        "client": CLIENT,
        "listener": "default",
        "pool": "default",
        "backend": "a:1",
        "reason": "client_eof",
        "sent_bytes": 108,
        "received_bytes": 108,
        "duration_ms": 0.0,
    }
    return said | fields


def played(
    ledger: Ledger, *, seed: int = 1, whole: bool = True, received: int = 108, reached: int = 108, end: End = End.CLIENT_EOF
) -> Session:
    """A session of a hundred bytes each way, which has ended for both peers; the backend has received what `reached` it."""
    session = ledger.began(Script(seed, HALF, HALF, end, backend_first=False), ENTRANCE)
    return over(ledger, session, whole=whole, received=received, reached=reached)


def over(ledger: Ledger, session: Session, *, whole: bool = True, received: int = 108, reached: int = 108) -> Session:
    ledger.connects(session, CLIENT)
    ledger.has_connected()
    with socket.socket() as sock:
        session.client, session.backend = Part(sock), Part(sock)
    for part in (session.client, session.backend):
        part.sent = part.received = 108
    session.reached = "a:1"
    session.backend.received, session.backend.whole = reached, reached == 108
    session.client.received, session.client.whole = received, whole
    session.client_ended = session.backend_ended = True
    ledger.ended(session)
    return session


def test_a_session_that_both_saw_in_the_same_way_is_no_finding() -> None:
    ledger = Ledger()
    played(ledger)
    ledger.logged(line())
    assert (ledger.violations, ledger.live, ledger.without_line, ledger.whole) == ([], {}, 0, 1)


@pytest.mark.parametrize(
    ("said", "finding"),
    [
        ({"client": "127.0.1.1:40001"}, "nobody had"),
        ({"reason": "idle_timeout"}, "an end that nothing has caused"),
        ({"sent_bytes": 109}, "the client saw other bytes than were logged"),
        ({"received_bytes": 107}, "the client saw other bytes than were logged"),
        ({"sent_bytes": 107}, "the backend saw other bytes than were logged"),
        ({"received_bytes": 109}, "the backend saw other bytes than were logged"),
        ({"listener": "more"}, "a listener, a pool or a backend that it had not"),
        ({"pool": "other"}, "a listener, a pool or a backend that it had not"),
        ({"backend": "b:2"}, "a listener, a pool or a backend that it had not"),
        ({"backend": "c:3"}, "a listener, a pool or a backend that it had not"),
    ],
)
def test_a_line_that_says_something_else_than_the_driver_saw_is_found(said: Fields, finding: str) -> None:
    ledger = Ledger()
    played(ledger)
    ledger.logged(line(**said))
    assert finding in ledger.violations[0]


def test_a_second_line_of_a_session_is_found() -> None:
    ledger = Ledger()
    played(ledger)
    ledger.logged(line())
    ledger.logged(line())
    assert "a second line" in ledger.violations[0]


def test_a_session_that_was_broken_off_is_found_unless_its_reason_is_excused() -> None:
    ledger = Ledger({"drain"})
    played(ledger, whole=False, received=50)
    ledger.logged(line(reason="drain", received_bytes=60))
    assert ledger.violations == []
    played(ledger, whole=False, received=50)
    ledger.logged(line())
    assert "broken off" in ledger.violations[0]


@pytest.mark.parametrize("end", [End.CLIENT_EOF, End.CLIENT_RESET, End.CLIENT_CUTS])
def test_a_backend_that_did_not_get_all_is_found_unless_a_worker_was_killed(end: End) -> None:
    reason = "client_eof" if end is End.CLIENT_EOF else "client_reset"
    for excused, findings in (([], 1), ([KILLED], 0)):
        ledger = Ledger(excused)
        played(ledger, reached=50, end=end)
        ledger.logged(line(reason=reason))
        assert len(ledger.violations) == findings


@pytest.mark.parametrize(("end", "findings"), [(End.CLIENT_EOF, 1), (End.CLIENT_RESET, 0), (End.CLIENT_CUTS, 0)])
def test_bytes_that_a_backend_had_sent_before_its_reset_are_missed_by_clients_that_read_to_the_end(
    end: End, findings: int
) -> None:
    ledger = Ledger({"backend_reset"})
    session = played(ledger, whole=False, received=50, end=end)
    session.cut = 60
    ledger.logged(line(reason="backend_reset"))
    assert len(ledger.violations) == findings


@pytest.mark.parametrize(("excused", "live"), [([], 1), (["backend_reset"], 0)])
def test_what_a_client_sends_before_its_reset_must_reach_a_backend_unless_something_may_keep_it_from_it(
    excused: list[str], live: int
) -> None:
    ledger = Ledger(excused)
    session = played(ledger, end=End.CLIENT_CUTS)
    session.backend, session.backend_ended = None, False
    ledger.logged(line(reason="client_reset"))
    assert len(ledger.live) == live


def test_a_client_may_be_rejected_only_where_there_is_a_limit_and_only_by_this_one() -> None:
    for limits, findings in ((frozenset[str](), 1), (frozenset({"queue_full"}), 1), (frozenset({"backends_full"}), 0)):
        ledger = Ledger(rejected=limits)
        session = played(ledger, whole=False, received=0)
        session.backend, session.backend_ended, session.reached = None, False, ""
        ledger.logged(line(reason="rejected", backend=None, rejected="backends_full", sent_bytes=0, received_bytes=0))
        assert len(ledger.violations) == findings
        assert ledger.rejections == {("default", "backends_full"): 1}


def led_to(pool: str, ledger: Ledger) -> Session:
    """A session whose first bytes lead to this pool."""
    seed = next(seed for seed in itertools.count() if opening(seed).pool == pool)
    entrance = replace(ENTRANCE, routes={"other": ("c:1", "d:2")})
    return ledger.began(Script(seed, HALF, HALF, End.CLIENT_EOF, backend_first=False), entrance)


@pytest.mark.parametrize(("limit", "findings"), [("no_route", 0), ("backends_full", 1)])
def test_a_client_whose_first_bytes_lead_to_no_pool_must_be_refused_for_that(limit: str, findings: int) -> None:
    ledger = Ledger(rejected=frozenset({"backends_full"}))
    session = over(ledger, led_to("", ledger), whole=False, received=0)
    session.backend, session.backend_ended, session.reached = None, False, ""
    ledger.logged(line(reason="rejected", backend=None, rejected=limit, sent_bytes=0, received_bytes=0))
    assert len(ledger.violations) == findings


def test_a_client_whose_first_bytes_lead_to_no_pool_must_not_reach_a_backend() -> None:
    ledger = Ledger()
    over(ledger, led_to("", ledger))
    ledger.logged(line())
    assert "a listener, a pool or a backend that it had not" in ledger.violations[0]


@pytest.mark.parametrize(("pool", "backend", "findings"), [("other", "c:1", 0), ("default", "a:1", 1), ("other", "a:1", 1)])
def test_a_client_whose_first_bytes_lead_to_another_pool_must_get_a_backend_of_that(
    pool: str, backend: str, findings: int
) -> None:
    ledger = Ledger()
    over(ledger, led_to("other", ledger)).reached = backend
    ledger.logged(line(pool=pool, backend=backend))
    assert len(ledger.violations) == findings


def test_a_session_that_ended_before_its_first_bytes_were_seen_may_have_the_listeners_own_pool() -> None:
    ledger = Ledger({"error"})
    session = over(ledger, led_to("other", ledger), whole=False, received=0)
    session.backend, session.backend_ended, session.reached = None, False, ""
    ledger.logged(line(reason="error", backend=None, sent_bytes=0, received_bytes=0))
    assert ledger.violations == []


def test_a_session_that_nobody_ends_must_end_by_the_idle_timeout() -> None:
    for reason, findings in (("idle_timeout", 0), ("client_eof", 1)):
        ledger = Ledger()
        played(ledger, end=End.IDLE)
        ledger.logged(line(reason=reason))
        assert len(ledger.violations) == findings


def test_a_line_goes_to_the_session_that_it_fits_whatever_the_clock_of_the_proxy_says() -> None:
    ledger = Ledger()
    earlier, later = played(ledger, seed=1), played(ledger, seed=2)
    earlier.began_at -= 30
    later.reached = "b:2"
    ledger.logged(line(backend="a:1"))
    assert (earlier.line is not None, later.line) == (True, None)


def test_a_line_goes_to_the_session_of_its_time_when_an_earlier_one_of_the_same_address_has_lost_its_own() -> None:
    ledger = Ledger()
    lost = played(ledger, seed=1)
    lost.began_at -= 30
    later = played(ledger, seed=2)
    ledger.logged(line())
    assert (lost.line, later.line is not None, ledger.without_line) == (None, True, 1)
