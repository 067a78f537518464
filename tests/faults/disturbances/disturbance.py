"""What all disturbances have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from tests.faults.world import World

EVERYWHERE = frozenset({"static", "dns", "kubernetes"})


class Disturbance:
    """Something that happens to a proxy.

    `excuses` are the close reasons that it may cause, and only these, while it strikes and for a moment after; what `lasts`
    may cause them all the time. `signs` are evidence of which some shows that it was felt: counters, close reasons that
    nothing else explains, and what it has noticed itself; what has no signs cannot go unnoticed. `errors` is a word of what
    may then be on standard error. `settings` and `environment` are what the proxy needs for it, `sources` where its backends
    may come from, `unlike` what of a mix contradicts it, `disk` where the log goes instead of a pipe.
    """

    name: ClassVar[str]
    excuses: ClassVar[frozenset[str]] = frozenset()
    lasts: ClassVar[bool] = False
    signs: ClassVar[frozenset[str]] = frozenset()
    errors: ClassVar[str] = ""
    settings: Mapping[str, Any] = MappingProxyType({})
    environment: Mapping[str, str] = MappingProxyType({})
    sources: ClassVar[frozenset[str]] = EVERYWHERE
    unlike: ClassVar[frozenset[str]] = frozenset()
    disk: Path | None = None

    @classmethod
    def summary(cls) -> str:
        """What it is, in a sentence."""
        return (cls.__doc__ or "").partition("\n")[0].strip()

    @classmethod
    def missing(cls) -> str:
        """What this machine lacks for it; nothing when it can be done."""
        return ""

    @asynccontextmanager
    async def prepared(self, folder: Path) -> AsyncIterator[None]:  # noqa: ARG002
        """What must be there before the proxy starts; a folder for its files."""
        yield

    async def strike(self, world: World) -> None:
        """Do it, and take it back."""
        raise NotImplementedError
