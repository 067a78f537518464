"""What control gets of the settings: plain values, which need none of the libraries that read and check them."""

from collections.abc import Mapping


class PlainSection:
    """A section of the settings, or all of them, with the model's attributes and properties. It cannot change."""

    def __init__(self, values: Mapping[str, object]) -> None:
        vars(self).update(values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"settings do not change: {name}")
