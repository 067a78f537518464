"""The settings in use as plain data, in the tree of the YAML file."""

from app.settings.model import Settings


def effective(settings: Settings) -> dict[str, object]:
    """Return the tree in its named form, with every default; as YAML it gives equal settings, but for the masked token."""
    tree: dict[str, object] = settings.model_dump(mode="json", exclude_none=True)
    return tree
