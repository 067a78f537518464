"""All mutants of a module."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from tests.mutants.operators import OPERATORS, Change, member_of

Name = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of the bytes `start` to `end` of a file. Its `names` stay when the lines move."""

    file: str
    line: str
    change: str
    start: int
    end: int
    new: str

    @property
    def names(self) -> tuple[Name, Name]:
        """File, text of the line, and change; and the name of all changes of the line."""
        return (self.file, self.line, self.change), (self.file, self.line, "")

    def planted_in(self, source: str) -> str:
        """The source with this change."""
        data = source.encode()
        return (data[: self.start] + self.new.encode() + data[self.end :]).decode()


def mutants(file: str, source: str) -> list[Mutant]:
    """All mutants of a module that can be compiled, in the order of its lines."""
    tree = ast.parse(source)
    operators = (*OPERATORS, member_of(tree))
    changes = (change for node in _reached(tree) for operator in operators for change in operator(node))
    places = _Places(file, source)
    return sorted(map(places.mutant, changes), key=lambda mutant: (mutant.start, mutant.end, mutant.new))


class _Places:
    """Where the nodes of a source are, in bytes."""

    def __init__(self, file: str, source: str) -> None:
        self._file, self._data = file, source.encode()
        self._lines = self._data.splitlines(keepends=True)
        self._starts = [0, *accumulate(map(len, self._lines))]

    def mutant(self, change: Change) -> Mutant:
        node, new = change
        start = self._starts[node.lineno - 1] + node.col_offset
        end = self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        old = " ".join(self._data[start:end].decode().split())
        return Mutant(self._file, self._lines[node.lineno - 1].decode().strip(), f"{old} -> {new}", start, end, new)


def _reached(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below this one, without those that change no behaviour (types, assertions) or only its text (docstrings),
    and without f-strings, the places of whose parts Python 3.11 does not know."""
    for name, value in ast.iter_fields(node):
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST) and not _is_left_out(part, name):
                yield part
                yield from _reached(part)


def _is_left_out(node: ast.AST, field: str) -> bool:
    match node:
        case ast.Assert() | ast.JoinedStr() | ast.Import() | ast.ImportFrom() | ast.keyword(arg="strict"):
            return True
        case ast.Expr(value=ast.Constant() | ast.Call(func=ast.Name(id="assert_never"))):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Call(func=ast.Name(id="TypeVar" | "cast")) | ast.Subscript(value=ast.Name(id="Literal")):
            return True
        case _:
            return field in {"annotation", "returns", "decorator_list", "bases"}
