"""Parses YAML into plain mappings, lists and texts, with the line of every key."""

import re
from collections.abc import Iterator

import yaml

from tidegate.settings.reading.document import Document, DocumentError
from tidegate.settings.reading.names import Path, dotted

_DEEPEST = 20
_MOST_VALUES = 50_000
_PLAIN_TAGS = {
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge")
}


def parse_document(text: str) -> Document:
    """Parse one YAML document; an empty one gives an empty Document. Raises DocumentError."""
    root = _compose(text)
    if root is None or _is_nothing(root):
        return Document()
    if not isinstance(root, yaml.MappingNode):
        raise DocumentError(_line(root), "expected a mapping of settings, like `backends: 10.0.0.5:8001`")
    reader = _Reader()
    return Document(reader.mapping(root, ()), reader.lines)


def _compose(text: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DocumentError(line, f"not valid YAML: {_reason(error)}") from None
    except (yaml.YAMLError, ValueError, OverflowError):
        raise DocumentError(1, "not valid YAML: it has characters or escapes that YAML does not allow") from None
    return node


def _reason(error: yaml.MarkedYAMLError) -> str:
    """Return the reason for a syntax error, or a general one if it would quote more than one character of a secret text."""
    if isinstance(error, yaml.composer.ComposerError):
        return "expected one document in which every alias has an anchor before it"
    reason = error.problem or ""
    return reason if not re.search(r"handle|anchor|alias", reason) else "unknown tag"


class _Loader(yaml.SafeLoader):
    """Makes nodes from a text, and raises DocumentError if there are too many or they are nested too deeply."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._values = self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Make one node with everything below it. Counts values only: PyYAML passes no index for a key."""
        line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]
        self._values += index is not None
        self._depth += 1
        _bound(line, self._depth - 2, self._values)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _bound(line: int, depth: int, values: int) -> None:
    """Raise DocumentError when a value is one too many or too deep."""
    if depth > _DEEPEST:
        raise DocumentError(line, f"nested too deeply: expected at most {_DEEPEST} levels")
    if values > _MOST_VALUES:
        raise DocumentError(line, f"too large: expected at most {_MOST_VALUES} values, with aliases written out")


class _Reader:
    """Converts nodes to plain values, and records their lines."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self._values = 0

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            here = (*path, key)
            if key in values:
                raise DocumentError(_line(key_node), f"{dotted(here)} is given twice, first in line {self.lines[here]}")
            self.lines[here] = _line(key_node)
            values[key] = self._value(value_node, here)
        return values

    def _value(self, node: yaml.Node, path: Path) -> object:
        self._values += 1
        _bound(_line(node), len(path), self._values)
        match node:
            case yaml.MappingNode(tag="tag:yaml.org,2002:map"):
                return self.mapping(node, path)
            case yaml.SequenceNode(tag="tag:yaml.org,2002:seq"):
                return [self._value(item, here) for item, here in self._items(node, path)]
            case yaml.ScalarNode(tag=tag) if tag in _PLAIN_TAGS:
                return None if _is_nothing(node) else str(node.value)
        raise DocumentError(_line(node), f"{dotted(path)} has a tag: expected plain text, lists and mappings")

    def _items(self, node: yaml.SequenceNode, path: Path) -> Iterator[tuple[yaml.Node, Path]]:
        for index, item in enumerate(node.value):
            self.lines[(*path, index)] = _line(item)
            yield item, (*path, index)

    @staticmethod
    def _key(node: yaml.Node, path: Path) -> str:
        if isinstance(node, yaml.ScalarNode) and node.tag in _PLAIN_TAGS:
            return str(node.value)
        raise DocumentError(_line(node), f"a key below {dotted(path) or 'the top'} is not text: expected plain text")


def _is_nothing(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
