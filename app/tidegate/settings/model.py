"""All settings as one frozen value, which pydantic-settings assembles from the given sources."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, SerializerFunctionWrapHandler, WrapSerializer
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from tidegate.core.address import Address
from tidegate.core.splice import Splice
from tidegate.settings.notation.addresses import LISTEN_ADDRESS
from tidegate.settings.notation.values import TOKEN, choice, size
from tidegate.settings.parts.listener import ListenerSettings
from tidegate.settings.parts.pool import PoolSettings
from tidegate.settings.parts.process import WORKERS, DrainSettings, LogSettings
from tidegate.settings.secrets import Secret

Part = TypeVar("Part")


def _plain(parts: Mapping[str, object], write: SerializerFunctionWrapHandler) -> object:
    return write(dict(parts))


Named = Annotated[Mapping[str, Part], AfterValidator(MappingProxyType), WrapSerializer(_plain)]


class Settings(BaseSettings):
    """Everything the program is told; nothing in it can change."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    listeners: Named[ListenerSettings] = Field(default_factory=dict, description="listeners by name")
    pools: Named[PoolSettings] = Field(default_factory=dict, description="pools by name")
    admin: Annotated[Address, LISTEN_ADDRESS] = Field(
        default=Address("0.0.0.0", 9000),  # noqa: S104 scraped and probed from outside the pod
        description="address of metrics, status and probes",
    )
    admin_token: Annotated[Secret | None, TOKEN.or_none()] = Field(
        default=None,
        description="bearer token that every request to `/connections`, and every request that changes state, must have; "
        "without it `/connections` answers only on loopback",
    )
    workers: Annotated[int, WORKERS] = Field(
        default=1, description="data-plane processes; `auto` = the CPU limit of the container"
    )
    drain: DrainSettings = Field(default_factory=DrainSettings, description="what happens after SIGTERM")
    log: LogSettings = Field(default_factory=LogSettings, description="logs, on stdout")
    buffer_size: Annotated[int, size(4 << 10, 1 << 20)] = Field(default=64 << 10, description="receive buffer of a worker")
    splice: Annotated[Splice, choice(Splice)] = Field(
        default=Splice.ADAPTIVE,
        description="let the kernel carry bytes: `adaptive` (while a direction keeps filling the buffer), `always`, `never`",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 pydantic-settings passes all of these by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the values from the argument `sources`, highest priority first, and never from the process's environment."""
        sources: tuple[PydanticBaseSettingsSource, ...] = ()
        if isinstance(init_settings, InitSettingsSource):
            sources = tuple(init_settings.init_kwargs.pop("sources", ()))
        return init_settings, *sources
