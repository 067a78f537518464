"""Which mutants a source has."""

import pytest

from tests.mutants.mutant import mutants


def changes(source: str) -> list[str]:
    return [mutant.change for mutant in mutants("a.py", source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", ["a < b -> pass", "a < b -> (a <= b)"]),
        ("x = a is None", ["a is None -> (a is not None)"]),
        ("x = a and b", ["a and b -> (a or b)"]),
        ("x = a or b", ["a or b -> (a and b)"]),
        ("x = not a", ["not a -> (a)"]),
        ("x = b if a else c", ["a -> (not (a))"]),
        ("x = [a for a in b if a]", ["a -> True"]),
        ("x = a + b", ["a + b -> (a - b)"]),
        ("x += a", ["x += a -> pass", "x += a -> x -= a"]),
        ("x = 3", ["3 -> 2", "3 -> 4"]),
        ("x = 0.0", ["0.0 -> 1.0"]),
        ("x = 0.5", ["0.5 -> 0.25", "0.5 -> 1.0"]),
        ("x = True", ["True -> False"]),
        ("x = 'word'", ["'word' -> 'wordx'"]),
        ("x = f(a, b, k=c)", ["f(a, b, k=c) -> f(b, a, k=c)"]),
        ("x = min(a, b)", ["min -> max"]),
        ("x.y = a", ["x.y = a -> pass"]),
        ("f()", ["f() -> pass"]),
        ("def f():\n    return a", ["return a -> return None"]),
        ("def f():\n    return False", ["False -> True"]),
        ("x = [State.UP, State.DOWN]", ["State.UP -> State.DOWN", "State.DOWN -> State.UP"]),
    ],
)
def test_each_small_mistake_is_made_once(source: str, expected: list[str]) -> None:
    assert sorted(changes(source)) == sorted(expected)


@pytest.mark.parametrize(
    "source",
    [
        '"""What it does."""',
        "x = 'some prose'",
        "x: Literal['a']",
        "def f(a: 'B | None') -> 'C': ...",
        "@dataclass(frozen=True)\nclass A(B[1]): ...",
        "if TYPE_CHECKING:\n    from a import b",
        "assert a < b",
        "T = TypeVar('T')",
        "assert_never(a)",
        "x = zip(a, strict=True)",
        "x = f(a, a)",
        "def f():\n    return None",
    ],
)
def test_types_prose_and_assertions_have_no_mutants(source: str) -> None:
    assert changes(source) == []


def test_a_mutant_changes_its_own_place_also_behind_letters_of_several_bytes() -> None:
    source = "x = 'ä b'; y = a < (b)\n"
    (mutant,) = mutants("a.py", source)
    assert mutant.planted_in(source) == "x = 'ä b'; y = (a <= b)\n"
    (moved,) = mutants("a.py", "\n" + source)
    assert moved.names == mutant.names
