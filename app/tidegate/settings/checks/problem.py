"""What is wrong with the settings, in lines for people: where, the value, and what would be valid."""

from collections.abc import Callable, Iterable, Mapping

from pydantic_core import ErrorDetails

from tidegate.core.shortening import shortened
from tidegate.settings.parts.section import split_list
from tidegate.settings.reading.entry import Entry, Given
from tidegate.settings.reading.names import Path, dotted

MOST_LISTED = 100

_LONGEST_LINE = 1500
_LONGEST_VALUE = 160
_LONGEST_PLACE = 300
_SECRETS = {"admin_token", "password", "headers"}


class SettingsError(Exception):
    """The settings are not valid; `problems` has one line for each thing that is wrong, up to a bound.

    What is beyond the bound, and `unlisted` problems that have no line, are a number in the last line.
    """

    def __init__(self, problems: Iterable[str], unlisted: int = 0) -> None:
        lines = list(dict.fromkeys(_one_line(problem) for problem in problems))
        more = unlisted + len(lines[MOST_LISTED:])
        self.problems: tuple[str, ...] = (*lines[:MOST_LISTED], *([f"and {more} more problems"] if more else []))
        super().__init__("\n".join(self.problems))


class Problems(list[str]):
    """The lines of one source. Those beyond what is listed are only counted, since a suggestion takes time."""

    unlisted = 0

    def add(self, where: str, word: Callable[[], str]) -> None:
        """Add a problem that `word` makes the message of."""
        if len(self) < MOST_LISTED:
            self.append(problem(where, word()))
        else:
            self.unlisted += 1


def problem(where: str, message: str) -> str:
    """Return a line without the value, for what must not be shown."""
    return f"{where[:_LONGEST_PLACE]}: {message}"


def problem_at(path: Path, message: str, given: Given) -> str:
    """Return a line with the place where a path was given and, unless it is a secret, its value."""
    entry = given.owner(path)
    if entry is None or entry.value == "" or path[-1] in _SECRETS:
        return problem(given.where(path), message)
    item, rest = _item(entry, path)
    return problem(given.where(path), ": ".join([quoted(item), *([dotted(rest)] if rest else []), message]))


def field_problems(errors: Iterable[ErrorDetails], given: Given) -> list[str]:
    """Return the lines for what pydantic has found."""
    return [_field_problem(error, given) for error in errors]


def quoted(value: object) -> str:
    """Return a value as it is shown: in quotes, on one line, and cut where it is long."""
    text = repr(value[: _LONGEST_VALUE + 1] if isinstance(value, str) else value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _field_problem(error: ErrorDetails, given: Given) -> str:
    match error["type"]:
        case "value_error":
            return problem_at(error["loc"], str(error["ctx"]["error"]), given)
        case "extra_forbidden":
            message = "unknown key: valid are address, weight, max_connections, backup, no_check"
            return problem(given.where(error["loc"]), message)
        case _:
            return problem_at(_path(error), error["msg"], given)


def _path(error: ErrorDetails) -> Path:
    key = error.get("ctx", {}).get("key")
    return (*error["loc"], key) if isinstance(key, str) else error["loc"]


def _item(entry: Entry, path: Path) -> tuple[object, Path]:
    """Return the smallest part of a value that a path leads into, and the rest of the path."""
    value = entry.value
    for depth in range(len(entry.path), len(path)):
        key = path[depth]
        if isinstance(key, int):
            items = split_list(value) if isinstance(value, str) else value
            value = items[key] if isinstance(items, list) else value
        elif isinstance(value, Mapping) and key in value:
            value = value[key]
        else:
            return value, path[depth:]
    return value, ()


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in shortened(text, _LONGEST_LINE))
