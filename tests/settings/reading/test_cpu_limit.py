"""The CPU limit of a container, from files as the two versions of control groups have them."""

import os
from pathlib import Path

import pytest

from tidegate.settings.reading.cpu_limit import cpu_limit

USABLE = len(os.sched_getaffinity(0))


def test_without_control_groups_it_is_the_cpus_that_the_process_may_use(tmp_path: Path) -> None:
    assert cpu_limit(tmp_path) == USABLE


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        pytest.param("50000 100000\n", 1, id="half a cpu is one"),
        pytest.param("100000 100000\n", 1, id="one"),
        pytest.param("100001 100000\n", min(2, USABLE), id="rounded up"),
        pytest.param("6400000 100000\n", USABLE, id="never more than may be used"),
        pytest.param("max 100000\n", USABLE, id="no limit"),
        pytest.param("0 0\n", USABLE, id="division by zero"),
        pytest.param("many\n", USABLE, id="not numbers"),
        pytest.param("é 1\n", USABLE, id="not ascii"),
    ],
)
def test_version_2_has_quota_and_period_in_one_file(tmp_path: Path, text: str, limit: int) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert cpu_limit(tmp_path) == limit


@pytest.mark.parametrize(("quota", "limit"), [("50000", 1), ("-1", USABLE), ("", USABLE)])
def test_version_1_has_quota_and_period_in_two_files(tmp_path: Path, quota: str, limit: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    assert cpu_limit(tmp_path) == limit
