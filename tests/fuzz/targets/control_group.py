"""The CPU limit of a container: the content of `cpu.max`, or with a zero byte in it, of the two files of version 1."""

from tests.fuzz.files import folder, written
from tidegate.settings.reading.cpu_limit import cpu_limit


def target(data: bytes) -> None:
    """Read the limit: at least one CPU."""
    quota, is_version_1, period = data.partition(b"\0")
    (folder() / "cpu").mkdir(exist_ok=True)
    written("cpu.max", b"" if is_version_1 else data)
    written("cpu/cpu.cfs_quota_us", quota)
    written("cpu/cpu.cfs_period_us", period)
    assert cpu_limit(folder()) >= 1
