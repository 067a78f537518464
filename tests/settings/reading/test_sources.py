"""Entries as sources of pydantic-settings."""

from pydantic.fields import FieldInfo

from tidegate.settings.model import Settings
from tidegate.settings.reading.environment import Environment
from tidegate.settings.reading.sources import EnvironmentSource


def test_a_source_says_what_its_entries_say() -> None:
    source = EnvironmentSource(Settings, Environment({"TIDEGATE_LOG__LEVEL": "debug"}).entries)
    assert source() == {"log": {"level": "debug"}}
    assert source.get_field_value(FieldInfo(), "log") == ({"level": "debug"}, "log", False)
