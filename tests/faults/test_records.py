"""What is kept of runs, and whether a round has felt what was done to its proxy."""

import json
from collections import Counter
from pathlib import Path

from tests.faults.disturbances.processes import KilledWorker, StoppedControl
from tests.faults.evidence import evidence, is_felt
from tests.faults.records import Record, read
from tests.support.proxy import Samples


def test_a_run_that_is_older_than_a_counter_has_counted_nothing(tmp_path: Path) -> None:
    run = vars(Record(commit="1234567", began="2026-11-29T17:06:28Z", strikes=Counter({"killed worker": 3})))
    path = tmp_path / "run.json"
    path.write_text(json.dumps({name: value for name, value in run.items() if name != "unfelt"}))
    kept = read(path)
    assert (kept.strikes, kept.unfelt) == ({"killed worker": 3}, {})


def test_evidence_are_counters_that_are_zero_while_nothing_happens() -> None:
    samples: Samples = {
        ("tidegate_worker_restarts_total", frozenset[tuple[str, str]]()): 2.0,
        ("tidegate_log_lines_lost_total", frozenset[tuple[str, str]]()): 0.0,
        ("tidegate_backend_health_checks_total", frozenset({("backend", "a"), ("result", "success")})): 9.0,
        ("tidegate_backend_health_checks_total", frozenset({("backend", "a"), ("result", "failure")})): 1.0,
        ("tidegate_backend_health_checks_total", frozenset({("backend", "b"), ("result", "failure")})): 3.0,
        ("tidegate_discovery_events_total", frozenset({("type", "added")})): 6.0,
        ("tidegate_listener_connections_total", frozenset({("listener", "default")})): 100.0,
    }
    assert evidence(samples) == {"worker_restarts": 2, "backend_health_checks failure": 4}


def test_what_was_done_is_felt_by_any_of_its_signs_and_always_without_signs() -> None:
    assert is_felt(KilledWorker.signs, {"worker_restarts": 1, "rebalance": 2})
    assert not is_felt(KilledWorker.signs, {"rebalance": 2})
    assert is_felt(StoppedControl.signs, {})
