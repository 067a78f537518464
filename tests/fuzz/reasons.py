"""What holds for every reason that people read."""


def check_reason(error: Exception | str, longest: int = 1500) -> str:
    """The text of an error: one printable line of a bounded length, and not empty."""
    text = str(error)
    assert text
    assert text.isprintable(), text
    assert len(text) <= longest, len(text)
    return text
