"""YAML as plain values with lines."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.settings.reading.document import Document, DocumentError
from tidegate.settings.reading.yaml_document import parse_document


def test_values_are_the_text_that_was_written() -> None:
    document = parse_document("a: 010\nb: yes\nc: 1:30\nd: [3, {e: .inf}]\nf:\ng: 'null'\n")
    assert document.values == {"a": "010", "b": "yes", "c": "1:30", "d": ["3", {"e": ".inf"}], "f": None, "g": "null"}


def test_every_key_and_item_has_its_line() -> None:
    document = parse_document("a:\n  b: 1\nc:\n- x\n- {d: 1}\n")
    assert document.lines == {("a",): 1, ("a", "b"): 2, ("c",): 3, ("c", 0): 4, ("c", 1): 5, ("c", 1, "d"): 5}


@pytest.mark.parametrize("text", ["", "# nothing", "~", "null", "---\n", "\n\n"])
def test_an_empty_document_says_nothing(text: str) -> None:
    assert parse_document(text) == Document()


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{key}: &{key} [{','.join([f'*{before}'] * 10)}]\n" for before, key in zip("abcdef", "bcdefg", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param("a: 1\nb: 2\na: 3", 3, "a is given twice, first in line 1", id="duplicate key"),
        pytest.param("a:\n  b: 1\n  b: 2", 3, "a.b is given twice, first in line 2", id="duplicate inner key"),
        pytest.param("a: 1\nb: [", 2, "not valid YAML: expected the node content", id="syntax"),
        pytest.param("a:\t1", 1, "not valid YAML: found character", id="tab"),
        pytest.param("- a", 1, "expected a mapping of settings", id="list"),
        pytest.param("a", 1, "expected a mapping of settings", id="text"),
        pytest.param("a: 1\n---\nb: 2", 2, "expected one document", id="two documents"),
        pytest.param("a: *b", 1, "every alias has an anchor", id="alias of nothing"),
        pytest.param("? [a]\n: 1", 1, "a key below the top is not text", id="key is a list"),
        pytest.param("a:\n  !!binary aGk=: 1", 2, "a key below a is not text", id="key with a tag"),
        pytest.param("a: !!binary aGk=", 1, "a has a tag", id="binary"),
        pytest.param("a: !!python/object/apply:os.system [ls]", 1, "a has a tag", id="python"),
        pytest.param("a: !!set {b}", 1, "a has a tag", id="set"),
        pytest.param("a: !x!y z", 1, "not valid YAML: unknown tag", id="tag handle"),
        pytest.param("a: &a [*a]", 1, "nested too deeply", id="recursive alias"),
        pytest.param("a: " + "[" * 100_000, 1, "nested too deeply", id="deep"),
        pytest.param(BOMB, 1, "too large: expected at most 50000 values", id="alias bomb"),
        pytest.param(
            "-\n" * 60_000 + "]", 50_001, "too large: expected at most 50000 values", id="too many to look for the end"
        ),
        pytest.param("{" * 30 + "]", 1, "nested too deeply", id="too deep to look for its end"),
        pytest.param("? " * 30 + "]", 1, "nested too deeply", id="keys within keys"),
        pytest.param('a: "\\UFFFFFFFF"', 1, "not valid YAML", id="escape"),
        pytest.param("a: \x00", 1, "not valid YAML", id="control character"),
        pytest.param(f"%YAML {'9' * 5000}.1\n---\na: 1", 1, "not valid YAML", id="version"),
    ],
)
def test_what_is_not_a_document_is_refused_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_document(text)
    assert caught.value.line == line
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["a: *hunter2", "a: !hunter2!x y", "a: &hunter2 &hunter2 x", "a: [hunter2", "a: {hunter2"])
def test_a_syntax_error_does_not_quote_the_text(text: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_document(text)
    assert "hunter2" not in str(caught.value)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.text(alphabet=st.sampled_from("ab:-[]{}#&*!|>'\"%@` \n\t?,~<0"), max_size=60) | st.text(max_size=60))
def test_any_text_is_a_document_or_refused(text: str) -> None:
    try:
        document = parse_document(text)
    except DocumentError:
        return
    assert set(document.values) == {path[0] for path in document.lines if len(path) == 1}
