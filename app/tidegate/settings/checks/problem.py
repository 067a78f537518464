"""The lines that tell people what is wrong with the settings: where, the value, and what would be valid."""

from collections.abc import Callable, Iterable, Mapping

from pydantic_core import ErrorDetails

from tidegate.core.shortening import shortened
from tidegate.settings.parts.backend import BackendSettings
from tidegate.settings.parts.route import RouteSettings
from tidegate.settings.parts.section import split_list
from tidegate.settings.reading.entry import Entry, GivenEntries
from tidegate.settings.reading.names import Path, dotted

MOST_LISTED = 100

_LONGEST_LINE = 1500
_LONGEST_VALUE = 160
_LONGEST_PLACE = 300
_SECRETS = {"admin_token", "password", "headers"}


class SettingsError(Exception):
    """The settings are not valid; `problems` has one line for each problem, up to MOST_LISTED.

    The last line counts the problems beyond that, and the `unlisted` ones without a line.
    """

    def __init__(self, problems: Iterable[str], unlisted: int = 0) -> None:
        lines = list(dict.fromkeys(_one_line(problem) for problem in problems))
        more = unlisted + len(lines[MOST_LISTED:])
        self.problems: tuple[str, ...] = (*lines[:MOST_LISTED], *([f"and {more} more problems"] if more else []))
        super().__init__("\n".join(self.problems))


class Problems(list[str]):
    """The lines of one source. Beyond MOST_LISTED, problems are only counted, because making a suggestion takes time."""

    unlisted = 0

    def add(self, where: str, make_message: Callable[[], str]) -> None:
        """Add a problem; `make_message` is called only if the problem is listed."""
        if len(self) < MOST_LISTED:
            self.append(problem(where, make_message()))
        else:
            self.unlisted += 1


def problem(where: str, message: str) -> str:
    """Return a line without the value, for values that must not be shown."""
    return f"{where[:_LONGEST_PLACE]}: {message}"


def problem_at(path: Path, message: str, given: GivenEntries) -> str:
    """Return a line with the place where a path was given and its value, unless that is a secret.

    A value that the message begins with is not said twice.
    """
    entry = given.owner(path)
    if entry is None or entry.value == "" or path[-1] in _SECRETS:
        return problem(given.where(path), message)
    item, rest = _item(entry, path)
    value = [] if message.startswith(quoted(_only(item))) else [quoted(item)]
    return problem(given.where(path), ": ".join([*value, *([dotted(rest)] if rest else []), message]))


def field_problems(errors: Iterable[ErrorDetails], given: GivenEntries) -> list[str]:
    """Return a line for each error of pydantic's validation."""
    return [_field_problem(error, given) for error in errors]


def quoted(value: object) -> str:
    """Return a value as it is shown to people: in quotes, on one line, and cut to a maximum length."""
    text = repr(value[: _LONGEST_VALUE + 1] if isinstance(value, str) else value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _field_problem(error: ErrorDetails, given: GivenEntries) -> str:
    match error["type"]:
        case "value_error":
            return problem_at(error["loc"], str(error["ctx"]["error"]), given)
        case "extra_forbidden":
            keys = RouteSettings.model_fields if _is_of_routes(error["loc"]) else BackendSettings.model_fields
            return problem(given.where(error["loc"]), f"unknown key: valid are {', '.join(keys)}")
        case _:
            return problem_at(_path(error), error["msg"], given)


def _is_of_routes(path: Path) -> bool:
    """Whether it lies in the routes of a listener; a pool may have that name."""
    return path[:1] == ("listeners",) and path[2:3] == ("routes",)


def _path(error: ErrorDetails) -> Path:
    key = error.get("ctx", {}).get("key")
    return (*error["loc"], key) if isinstance(key, str) else error["loc"]


def _item(entry: Entry, path: Path) -> tuple[object, Path]:
    """Follow a path into a value: return the innermost part that it reaches, and the rest of the path."""
    value = entry.value
    for depth in range(len(entry.path), len(path)):
        key = path[depth]
        if isinstance(key, int):
            separator = ";" if _is_of_routes(path) else ","
            items = split_list(value, separator) if isinstance(value, str) else value
            value = items[key] if isinstance(items, list) else value
        elif isinstance(value, Mapping) and key in value:
            value = value[key]
        else:
            return value, path[depth:]
    return value, ()


def _only(item: object) -> object:
    """Return the entry of a list that has one, as messages name it; anything else as it is."""
    if isinstance(item, list) and len(item) == 1:
        item = item[0]
    return item.strip() if isinstance(item, str) else item


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in shortened(text, _LONGEST_LINE))
