"""The YAML file of settings."""

from tests.fuzz.files import written
from tests.fuzz.settings import check
from tidegate.settings.reading.names import CONFIG_FILE, leaves

WORDS = sorted({key.encode() + b": " for leaf in leaves() for key in leaf})


def target(data: bytes) -> None:
    """Load the settings from a file with this content."""
    check({CONFIG_FILE: written("settings.yaml", data)})
