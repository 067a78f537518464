"""Makes plain values of settings."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel
from pydantic_settings import BaseSettings

from tidegate.settings.plain_section import PlainSection


def plain(value: object) -> object:
    """Return the value with a PlainSection in place of each model, and a dictionary in place of each mapping."""
    if isinstance(value, BaseModel):
        return PlainSection({name: plain(getattr(value, name)) for name in _attributes(type(value))})
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return tuple(map(plain, value)) if type(value) is tuple else value


def _attributes(model: type[BaseModel]) -> Iterator[str]:
    """The names of a model's fields and of its own properties."""
    yield from model.model_fields
    for name in dir(model):
        if not hasattr(BaseSettings, name) and isinstance(getattr(model, name), property):
            yield name
