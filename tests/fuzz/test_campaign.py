"""What the fuzzer says is read, and few inputs are chosen of many."""

from pathlib import Path

from tests.fuzz.campaign import read_log
from tests.fuzz.selection import Edge, edges_of, worth_keeping
from tidegate.core.address import parse_host_and_port

LOG = """#2\tINITED cov: 24 ft: 24 corp: 1/1b exec/s: 0 rss: 42Mb
#131072\tpulse  cov: 158 ft: 912 corp: 96/9Kb lim: 1300 exec/s: 65536 rss: 42Mb
"""
DONE = "stat::number_of_executed_units: 402847\n"
CRASH = "artifact_prefix='x/'; Test unit written to x/crash-1f0b\n"


def test_a_log_shows_runs_edges_corpus_and_crashes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(LOG + DONE)
    result = read_log("one", log, 8.0, failed=False)
    assert (result.runs, result.edges, result.corpus, result.crashes) == (402847, 158, 96, [])
    log.write_text(LOG + CRASH)
    result = read_log("one", log, 8.0, failed=True)
    assert (result.runs, result.edges, result.crashes) == (131072, 158, [Path("x/crash-1f0b")])
    log.write_text("")
    assert read_log("one", log, 0.1, failed=True).runs == 0


def test_the_inputs_that_add_the_most_are_kept_and_no_other() -> None:
    code = parse_host_and_port.__code__
    edges: list[Edge] = [(code, line, line + 1) for line in range(6)]
    found = {"some": frozenset(edges[:3]), "most": frozenset(edges[1:6]), "known": frozenset(edges[:1])}
    assert worth_keeping([frozenset(edges[:1])], found, 9) == ["most"]
    assert worth_keeping([], found, 9) == ["most", "some"]
    assert worth_keeping([], found, 1) == ["most"]


def test_other_code_runs_for_what_is_read_than_for_what_is_refused() -> None:
    def target(data: bytes) -> None:
        try:
            parse_host_and_port(data.decode())
        except ValueError:
            return

    good, bad = edges_of(target, b"a:1"), edges_of(target, b"a")
    assert good - bad
    assert bad - good
    assert edges_of(target, b"b:2") == good
