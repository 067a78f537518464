"""Names that a route is for: a host name, an IP address, or `*.` and a name, for exactly one label more."""

from typing import Final

from tidegate.core.address import parse_host
from tidegate.core.preface.packed_address import packed, text_of

WILDCARD: Final = "*."


def parse_name_pattern(text: str) -> str:
    """Read `chat.example.com`, `*.chat.example.com`, `10.0.0.5` or `[2001:db8::5]`, as names are compared: in lower case.

    Raises ValueError that says what is wrong and what would be right.
    """
    pattern = text.strip().lower()
    address = packed(pattern[1:-1] if pattern.startswith("[") and pattern.endswith("]") else pattern)
    if address:
        return text_of(address)
    name = pattern.removeprefix(WILDCARD)
    if "*" in name or (not name and pattern):
        raise ValueError(f"{text!r}: an asterisk stands for one whole label on the left, like *.chat.example.com")
    if packed(name):
        raise ValueError(f"{name!r} is an IP address, which has no subdomains")
    return pattern[: len(pattern) - len(name)] + parse_host(name).removesuffix(".")


def patterns_of(name: str) -> tuple[str, ...]:
    """The patterns that match this name, which is in lower case: itself, and its wildcard if it has more labels than one."""
    _, dot, parent = name.partition(".")
    return (name, WILDCARD + parent) if dot else (name,)
