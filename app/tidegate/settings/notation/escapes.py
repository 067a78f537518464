r"""Bytes as text for people: printable characters as they are, all others as `\r \n \t \\` and `\xHH`."""

import re

NAMED = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}
_NAME_OF = {value.decode(): f"\\{name}" for name, value in NAMED.items()}
_PART = re.compile(r"\\x([0-9A-Fa-f]{2})|\\(.?)|([^\\]+)", re.DOTALL)


def parse_escapes(text: str) -> bytes:
    r"""Return the bytes of a text: UTF-8, with escapes replaced. Raises ValueError that names a wrong escape."""
    return b"".join(_bytes_of(part) for part in _PART.finditer(text))


def format_escapes(data: bytes) -> str:
    """Return the text that `parse_escapes` reads as these bytes."""
    return "".join(_written(letter) for letter in data.decode(errors="surrogateescape"))


def _bytes_of(part: re.Match[str]) -> bytes:
    digits, name, plain = part.groups()
    if digits is not None:
        return bytes.fromhex(digits)
    if plain is not None:
        return bytes(plain, "utf-8", "surrogateescape")
    if name not in NAMED:
        shown = name if name.isprintable() else ascii(name)[1:-1]
        raise ValueError(rf"\{shown} is not an escape: expected \r, \n, \t, \\ or \xHH with two hexadecimal digits")
    return NAMED[name]


def _written(letter: str) -> str:
    if letter in _NAME_OF:
        return _NAME_OF[letter]
    if letter.isprintable():
        return letter
    return "".join(f"\\x{byte:02x}" for byte in letter.encode(errors="surrogateescape"))
