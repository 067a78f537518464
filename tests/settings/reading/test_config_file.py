"""The YAML file."""

import os
from pathlib import Path

import pytest

from tidegate.settings.reading.config_file import ConfigFile


def file_with(folder: Path, text: str) -> ConfigFile:
    path = folder / "tide.yaml"
    path.write_text(text)
    return ConfigFile(str(path))


def without_folder(file: ConfigFile, folder: Path) -> list[str]:
    return [line.replace(f"{folder}/", "") for line in file.problems]


def test_no_file_says_nothing() -> None:
    file = ConfigFile("")
    assert (file.entries, file.problems, file.is_broken) == ([], [], False)


def test_keys_become_entries_with_their_lines(tmp_path: Path) -> None:
    file = file_with(tmp_path, "balance: first\npools:\n  chat:\n    backends:\n    - a:1\n    - address: b:1\n")
    assert file.problems == []
    assert [(entry.path, entry.where.rpartition("/")[2]) for entry in file.entries] == [
        (("pools", "default", "balance"), "tide.yaml:1 balance"),
        (("pools",), "tide.yaml:2 pools"),
        (("pools", "chat"), "tide.yaml:3 pools.chat"),
        (("pools", "chat", "backends"), "tide.yaml:4 pools.chat.backends"),
    ]
    lines = file.entries[-1].lines
    assert lines[("pools", "chat", "backends", 0)].endswith("tide.yaml:5 pools.chat.backends[0]")
    assert lines[("pools", "chat", "backends", 1, "address")].endswith("tide.yaml:6 pools.chat.backends[1].address")


@pytest.mark.parametrize("text", ["balance:\nhealth:\npools:\n", "balance: ''\nhealth: ''\npools: ''\n"])
def test_a_key_without_a_value_says_nothing(tmp_path: Path, text: str) -> None:
    assert file_with(tmp_path, text).entries == []


def test_a_name_without_a_value_is_still_a_name(tmp_path: Path) -> None:
    file = file_with(tmp_path, "pools:\n  chat:\n")
    assert [entry.path for entry in file.entries] == [("pools",), ("pools", "chat")]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("balanc: first", "tide.yaml:1 balanc: unknown key: did you mean balance?"),
        ("a: 1\nlog: {lvl: info}", "tide.yaml:2 log.lvl: unknown key: did you mean level?"),
        ("log: {x: info}", "tide.yaml:1 log.x: unknown key: valid are level, format"),
        ("log: info", "tide.yaml:1 log: 'info': this holds several settings: expected a mapping of level, format"),
        ("pools:\n  Big: {}", "tide.yaml:2 pools.'Big': expected a name of 1 to 63 characters from a-z, 0-9, _ and -"),
        ("<<: {}", "tide.yaml:1 '<<': unknown key: valid are listen, backends, dns, kubernetes, balance"),
    ],
)
def test_keys_that_do_not_exist_are_refused(tmp_path: Path, text: str, line: str) -> None:
    file = file_with(tmp_path, text)
    assert without_folder(file, tmp_path)[-1].startswith(line)
    assert not file.is_broken


def test_a_syntax_error_names_the_line(tmp_path: Path) -> None:
    file = file_with(tmp_path, "balance: first\nbalance: first\n")
    assert without_folder(file, tmp_path) == ["tide.yaml:2: balance is given twice, first in line 1"]
    assert file.is_broken


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("missing.yaml", "cannot be read: No such file or directory", id="missing"),
        pytest.param(".", "not a regular file", id="folder"),
        pytest.param("pipe", "not a regular file", id="pipe"),
        pytest.param("large", "too large: expected at most 1MiB", id="large"),
        pytest.param("latin", "not UTF-8 at byte 3", id="not UTF-8"),
        pytest.param("loop", "cannot be read", id="loop of links"),
        pytest.param("a\0b", "embedded null", id="null byte"),
        pytest.param("\ud800", "", id="not a name of a file"),
        pytest.param("x" * 5000, "cannot be read", id="long"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path, name: str, message: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"#" * ((1 << 20) + 1))
    (tmp_path / "latin").write_bytes(b"a: \xe9")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    file = ConfigFile(f"{tmp_path}/{name}")
    (line,) = file.problems
    assert line.startswith("TIDEGATE_CONFIG_FILE: '")
    assert message in line
    assert file.is_broken


def test_a_byte_order_mark_is_allowed(tmp_path: Path) -> None:
    assert file_with(tmp_path, "\ufeffbalance: first").entries[0].value == "first"
