"""What is too long for people is cut between words, and keeps its end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.shortening import GAP, shortened


@pytest.mark.parametrize(
    ("text", "longest", "expected"),
    [
        pytest.param("", 20, "", id="nothing"),
        pytest.param("just as long as it is", 21, "just as long as it is", id="it-fits"),
        pytest.param("the quick brown fox jumps over a lazy dog", 30, "the quick brown ... lazy dog", id="between-words"),
        pytest.param("one two three four five six seven", 26, "one two three ... seven", id="a-word-that-fits-exactly"),
        pytest.param("x" * 100 + "end", 25, "x" * 14 + " ... xxxend", id="one-long-word"),
        pytest.param(
            "see https://example.com/a/very/long/path", 26, "see https://ex ... ng/path", id="mostly-one-long-word"
        ),
        pytest.param("a b c d e f g h  i  j  k  l m n o p", 20, "a b c d e ... n o p", id="many-spaces"),
    ],
)
def test_a_long_text_is_cut_between_words_and_keeps_its_end(text: str, longest: int, expected: str) -> None:
    assert shortened(text, longest) == expected


@given(st.text(alphabet="ab \n", max_size=300), st.integers(20, 120))
def test_a_shortened_text_is_within_its_limit_and_begins_and_ends_as_the_text(text: str, longest: int) -> None:
    short = shortened(text, longest)
    assert len(short) <= longest
    if len(text) <= longest:
        assert short == text
    else:
        begins, _, ends = short.partition(GAP)
        assert text.startswith(begins)
        assert text.endswith(ends)
