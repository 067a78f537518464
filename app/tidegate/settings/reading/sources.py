"""Adapters that hand entries to pydantic-settings as its sources."""

from collections.abc import Iterable
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from tidegate.settings.reading.entry import Entry, tree_of


class EntriesSource(PydanticBaseSettingsSource):
    """The entries of one source as a nested mapping, which pydantic-settings merges with those of the other sources."""

    def __init__(self, settings_cls: type[BaseSettings], entries: Iterable[Entry]) -> None:
        super().__init__(settings_cls)
        self._tree = tree_of(entries)

    def __call__(self) -> dict[str, Any]:
        """Return the mapping."""
        return self._tree

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """Return the value of one field."""
        return self._tree.get(field_name), field_name, False


class EnvironmentSource(EntriesSource):
    """The entries from the variables."""


class FileSource(EntriesSource):
    """The entries from the YAML file."""


class DefaultsSource(EntriesSource):
    """The entries that the other two imply."""
