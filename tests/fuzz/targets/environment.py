"""Variables of the environment: NAME=value, with a zero byte between two of them."""

from tests.fuzz.settings import check
from tidegate.settings.reading.names import leaves, variable_of

WORDS = [variable_of(leaf).encode() + b"=" for leaf in leaves()]


def target(data: bytes) -> None:
    """Load the settings from these variables, as the system hands them to Python."""
    pairs = (part.partition("=") for part in data.decode(errors="surrogateescape").split("\0"))
    check({name: value for name, equals, value in pairs if equals})
