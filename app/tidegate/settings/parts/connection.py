"""Settings of the kernel's connections, of a listener (to clients) and of a pool (to backends): keepalive and buffers."""

from typing import Annotated

from pydantic import Field

from tidegate.core.connection_options import ConnectionOptions
from tidegate.settings.notation.values import duration, size, whole_number
from tidegate.settings.parts.section import Section

LONGEST_KEEPALIVE = 32767.0  # MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL of Linux
MOST_KEEPALIVE_PROBES = 127
LONGEST_PEER_TIMEOUT = 7 * 24 * 3600.0
_BUFFER = size(4 << 10, 1 << 30, "that the kernel decides")


class KeepaliveSettings(Section):
    """When the kernel asks a silent peer whether it is still there; durations are in seconds."""

    idle: Annotated[float, duration(least=1.0, most=LONGEST_KEEPALIVE)] = Field(
        default=60.0, description="silence after which the kernel asks a peer whether it is still there; whole seconds"
    )
    interval: Annotated[float, duration(least=1.0, most=LONGEST_KEEPALIVE)] = Field(
        default=15.0, description="time between two such questions; whole seconds"
    )
    count: Annotated[int, whole_number(1, MOST_KEEPALIVE_PROBES)] = Field(
        default=4, description="questions without an answer after which the peer is dead"
    )


class ConnectionSettings(Section):
    """The part that listeners and pools have in common: in the flat form one key sets both."""

    keepalive: KeepaliveSettings = Field(
        default_factory=KeepaliveSettings, description="how a dead peer is noticed on a connection without traffic"
    )
    peer_timeout: Annotated[
        float | None, duration(least=0.0, most=LONGEST_PEER_TIMEOUT, note=" (0 means that the kernel decides)").or_none()
    ] = Field(
        default=None,
        description="time for which a peer may leave data unacknowledged, or not read at all while data waits for it; "
        "`0` = the kernel decides",
        json_schema_extra={"default_text": "`120s` (`idle` + `interval` × `count` of `keepalive`)"},  # noqa: RUF001
    )

    receive_buffer: Annotated[int, _BUFFER] = Field(
        default=0, description="what the kernel may hold of a connection that has not been read; `0` = the kernel decides"
    )
    send_buffer: Annotated[int, _BUFFER] = Field(
        default=0,
        description="what the kernel may hold of a connection that has not been acknowledged; `0` = the kernel decides",
    )
    notsent_lowat: Annotated[int, _BUFFER] = Field(
        default=0,
        description="how much of that may be waiting to be sent for the first time; `0` = the kernel decides",
    )

    @property
    def effective_peer_timeout(self) -> float:
        """The peer timeout in effect, in seconds; 0 when the kernel decides."""
        keepalive = self.keepalive
        if self.peer_timeout is None:
            return keepalive.idle + keepalive.interval * keepalive.count
        return self.peer_timeout

    @property
    def connection_options(self) -> ConnectionOptions:
        """The options that the kernel gets, as control and workers use them."""
        return ConnectionOptions(
            keepalive_idle=self.keepalive.idle,
            keepalive_interval=self.keepalive.interval,
            keepalive_count=self.keepalive.count,
            peer_timeout=self.effective_peer_timeout,
            receive_buffer=self.receive_buffer,
            send_buffer=self.send_buffer,
            notsent_lowat=self.notsent_lowat,
        )
