"""Loads the settings from an environment and the YAML file that it names, or reports everything that is wrong."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tidegate.settings.checks.cycles import cycle_problems
from tidegate.settings.checks.overlap import overlap_problems
from tidegate.settings.checks.problem import MOST_LISTED, SettingsError, field_problems
from tidegate.settings.checks.relations import given_twice, relation_problems, too_many_backends, too_many_names
from tidegate.settings.checks.unix_sockets import unix_socket_problems
from tidegate.settings.derived_defaults import default_entries
from tidegate.settings.model import Settings
from tidegate.settings.reading.config_file import ConfigFile
from tidegate.settings.reading.entry import Entry, GivenEntries
from tidegate.settings.reading.environment import Environment
from tidegate.settings.reading.names import CONFIG_FILE
from tidegate.settings.reading.own_namespace import NAMESPACE_FILE, own_namespace, with_own_namespace
from tidegate.settings.reading.sources import DefaultsSource, EnvironmentSource, FileSource


def load_settings(environ: Mapping[str, str], namespace_file: Path = NAMESPACE_FILE) -> Settings:
    """Return the settings from the variables and from the YAML file named by TIDEGATE_CONFIG_FILE; variables win.

    `namespace_file` contains the namespace of the pod. Raises SettingsError with everything that is wrong.
    """
    environment = Environment(environ)
    file = ConfigFile(environ.get(CONFIG_FILE, "").strip())
    written = GivenEntries(file.entries, environment.entries)
    defaults = default_entries(written, in_kubernetes="KUBERNETES_SERVICE_HOST" in environ)
    given = GivenEntries(defaults, file.entries, environment.entries)
    unlisted = environment.problems.unlisted + file.problems.unlisted
    namespace = own_namespace(environ, namespace_file)
    variables, keys = (with_own_namespace(entries, written, namespace) for entries in (environment.entries, file.entries))
    problems = [*environment.problems, *file.problems, *given_twice(written)]
    if too_many := too_many_names(given):
        raise SettingsError([*problems, *too_many], unlisted)
    settings, errors = _validate(variables, keys, defaults)
    if file.is_broken:
        errors = [error for error in errors if written.owner(error["loc"])]
    unlisted += len(errors[MOST_LISTED:])
    problems += field_problems(errors[:MOST_LISTED], given)
    if not file.is_broken:
        problems += [*relation_problems(given), *overlap_problems(given)]
    if settings is not None:
        problems += [*too_many_backends(settings), *cycle_problems(settings), *unix_socket_problems(settings)]
    if settings is None or problems:
        raise SettingsError(problems, unlisted)
    return settings


def _validate(
    environment: list[Entry], file: list[Entry], defaults: list[Entry]
) -> tuple[Settings | None, list[ErrorDetails]]:
    """Return the settings or the errors. It does not raise pydantic's error, because the text would show secrets."""
    sources = (
        EnvironmentSource(Settings, environment),
        FileSource(Settings, file),
        DefaultsSource(Settings, defaults),
    )
    arguments: dict[str, Any] = {"sources": sources}
    try:
        return Settings(**arguments), []
    except ValidationError as error:
        errors = error.errors(include_url=False)
        return None, [error for error in errors if error["type"] != "default_factory_not_called"]
