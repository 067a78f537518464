"""Lists of addresses and networks."""

import re
from pathlib import Path

import pytest

from tidegate.settings.notation.networks import LARGEST_FILE, MOST_NETWORKS, NETWORKS, NetworkList


@pytest.mark.parametrize("written", ["10.0.0.0/8, 2001:db8::1", ["10.0.0.0/8", " 2001:db8::1 "]], ids=["text", "list"])
def test_a_list_is_written_with_commas_or_as_a_list(written: object) -> None:
    items = ("10.0.0.0/8", "2001:db8::1")
    assert NETWORKS.read(written) == NetworkList(items, items)
    assert NETWORKS.write(NETWORKS.read(written)) == [*items]


def test_the_name_of_a_file_stands_for_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "deny.txt"
    path.write_text("\ufeff# bots\n\n10.0.0.0/8\n  192.0.2.1  # one more\n")
    assert NETWORKS.read(f"2001:db8::/32, @{path}") == NetworkList(
        ("2001:db8::/32", f"@{path}"), ("2001:db8::/32", "10.0.0.0/8", "192.0.2.1")
    )


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("10.0.0.0/33", "'10.0.0.0/33': a prefix of IPv4 is a number from 0 to 32"),
        ("10.0.0.1/8", "'10.0.0.1/8' has bits set after its prefix, 10.0.0.0/8 is probably meant"),
        ("example.com", "'example.com': expected an IP address or a network"),
        ("", "expected a comma list of addresses and networks"),
        ([], "expected a comma list of addresses and networks"),
        (["10.0.0.1", 7], "expected a comma list of addresses and networks"),
        (7, "expected a comma list or a list"),
        ("@/no/such/file", "/no/such/file: cannot be read: No such file or directory"),
        ("@/", "/: not a regular file: expected a file of addresses and networks, one in each line"),
    ],
)
def test_what_is_wrong_is_named(written: object, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        NETWORKS.read(written)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"10.0.0.1\n# none\n10.0.0.1/8\n", ", line 3: '10.0.0.1/8' has bits set"),
        (b"10.0.0.1\n\xff\n", ": not UTF-8"),
        (b"#" * (LARGEST_FILE + 1), ": too large: expected at most 8MiB of addresses and networks, one in each line"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_line(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "deny.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"{path}{reason}")):
        NETWORKS.read(f"@{path}")


def test_there_may_be_no_more_than_workers_can_read_quickly(tmp_path: Path) -> None:
    path = tmp_path / "deny.txt"
    path.write_text("10.0.0.1\n" * (MOST_NETWORKS + 1))
    with pytest.raises(ValueError, match=f"{MOST_NETWORKS + 1} addresses and networks: expected at most {MOST_NETWORKS}"):
        NETWORKS.read(f"@{path}")
