"""Entries as a source of pydantic-settings."""

from collections.abc import Iterable
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from tidegate.settings.reading.entry import Entry, tree_of


class EntriesSource(PydanticBaseSettingsSource):
    """What one place says, as the nested mapping that pydantic-settings merges with those of the other places."""

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
    """What the variables say."""


class FileSource(EntriesSource):
    """What the YAML file says."""


class DefaultsSource(EntriesSource):
    """What the other two imply."""
