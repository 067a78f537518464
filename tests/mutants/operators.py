"""What a careless change may do to an expression or a statement. An operator yields which node becomes which text."""

import ast
from collections.abc import Callable, Iterator
from copy import copy

Change = tuple[ast.expr | ast.stmt, str]

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}  # fmt: skip
EXTREMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


def comparison(node: ast.AST) -> Iterator[Change]:
    """A boundary moved, or the answer turned round."""
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            ops = [*node.ops[:index], COMPARISONS[type(operator)](), *node.ops[index + 1 :]]
            yield node, _in_brackets(node, ops=ops)


def connection(node: ast.AST) -> Iterator[Change]:
    """`and` for `or`, and the other way."""
    if isinstance(node, ast.BoolOp):
        yield node, _in_brackets(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())


def negation(node: ast.AST) -> Iterator[Change]:
    """`not` or a sign left out."""
    if isinstance(node, ast.UnaryOp):
        yield node, f"({ast.unparse(node.operand)})"


def condition(node: ast.AST) -> Iterator[Change]:
    """The other branch taken, or a filter left out."""
    if isinstance(node, ast.If | ast.While | ast.IfExp) and not isinstance(node.test, ast.Compare | ast.UnaryOp):
        yield node.test, f"(not ({ast.unparse(node.test)}))"
    if isinstance(node, ast.comprehension):
        for test in node.ifs:
            yield test, "True"


def arithmetic(node: ast.AST) -> Iterator[Change]:
    """Another sum."""
    if isinstance(node, ast.BinOp):
        yield node, _in_brackets(node, op=ARITHMETIC[type(node.op)]())
    if isinstance(node, ast.AugAssign):
        yield node, _changed(node, op=ARITHMETIC[type(node.op)]())


def constant(node: ast.AST) -> Iterator[Change]:
    """One more, one less, twice, half, the other truth, another word; prose stays."""
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool):
        yield node, str(not value)
    elif isinstance(value, int):
        yield from ((node, repr(other)) for other in (value + 1, value - 1) if other >= 0)
    elif isinstance(value, float):
        yield from ((node, repr(other)) for other in {value * 2 or 1.0, value / 2 or 1.0})
    elif isinstance(value, str) and value and not any(map(str.isspace, value)):
        yield node, repr(value + "x")


def argument(node: ast.AST) -> Iterator[Change]:
    """Two neighbouring arguments swapped; the other extreme."""
    if not isinstance(node, ast.Call):
        return
    if isinstance(node.func, ast.Name) and (other := EXTREMES.get(node.func.id)):
        yield node.func, other
        return
    for index, pair in enumerate(zip(node.args, node.args[1:], strict=False)):
        if not any(isinstance(given, ast.Starred) for given in pair) and ast.dump(pair[0]) != ast.dump(pair[1]):
            yield node, _changed(node, args=[*node.args[:index], *reversed(pair), *node.args[index + 2 :]])


def statement(node: ast.AST) -> Iterator[Change]:
    """A statement left out, if no name depends on it."""
    if isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name | ast.Tuple):
        yield node, "pass"
    if isinstance(node, ast.AugAssign | ast.Delete | ast.Raise | ast.Break | ast.Continue):
        yield node, "pass"
    if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
        yield node, "pass"


def answer(node: ast.AST) -> Iterator[Change]:
    """Nothing returned instead of something."""
    if isinstance(node, ast.Return) and node.value and not (isinstance(node.value, ast.Constant) and not node.value.value):
        yield node, "return None"


def member_of(tree: ast.Module) -> Callable[[ast.AST], Iterator[Change]]:
    """For a member of an enum: the next one of those that this module names."""
    members: dict[str, dict[str, None]] = {}
    for node in ast.walk(tree):
        for _, enum, name in _of_enum(node):
            members.setdefault(enum, {})[name] = None

    def member(node: ast.AST) -> Iterator[Change]:
        for attribute, enum, name in _of_enum(node):
            names = list(members[enum])
            if len(names) > 1:
                yield attribute, f"{enum}.{names[(names.index(name) + 1) % len(names)]}"

    return member


OPERATORS = (comparison, connection, negation, condition, arithmetic, constant, argument, statement, answer)


def _of_enum(node: ast.AST) -> Iterator[tuple[ast.Attribute, str, str]]:
    """What looks like `State.UP`, with its two names."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        enum, name = node.value.id, node.attr
        if enum[0].isupper() and name.isupper():
            yield node, enum, name


def _changed(node: ast.AST, **fields: object) -> str:
    changed = copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return ast.unparse(changed)


def _in_brackets(node: ast.AST, **fields: object) -> str:
    return f"({_changed(node, **fields)})"
