"""Lets a worker's poller watch the link's channel, which expects callbacks as asyncio's loop has them."""

from collections.abc import Callable

from tidegate.dataplane.loop.handler import Callbacks, CannotGoOnError
from tidegate.dataplane.loop.poller import IN, OUT, Poller

Ready = Callable[[], None]


class LinkWatch:
    """The reader and writer callbacks of one descriptor, and what its channel wants called soon."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._reader: Ready | None = None
        self._writer: Ready | None = None
        self._events = 0
        self._handler = Callbacks(self._ready, self._failed)

    def call_soon(self, callback: Ready, /) -> None:
        """Call once, after the events that are known now."""
        self._poller.call_soon(callback, self._failed)

    def add_reader(self, descriptor: int, callback: Ready, /) -> None:
        """Call while there is something to read."""
        self._reader = callback
        self._update(descriptor)

    def remove_reader(self, descriptor: int, /) -> None:
        """Call no more."""
        self._reader = None
        self._update(descriptor)

    def add_writer(self, descriptor: int, callback: Ready, /) -> None:
        """Call while something can be written."""
        self._writer = callback
        self._update(descriptor)

    def remove_writer(self, descriptor: int, /) -> None:
        """Call no more."""
        self._writer = None
        self._update(descriptor)

    def _ready(self, events: int) -> None:
        if events & ~OUT and self._reader:
            self._reader()
        if events & OUT and self._writer:
            self._writer()

    def _failed(self) -> None:
        """A message could not be applied, or not be sent: the worker ends, with the link if that has ended already."""
        if self._reader is not None:
            raise CannotGoOnError("a message of control could not be applied, or one to it not sent")

    def _update(self, descriptor: int) -> None:
        events = (IN if self._reader else 0) | (OUT if self._writer else 0)
        if events == self._events:
            return
        if not self._events:
            self._poller.loop.register(descriptor, events, self._handler)
        elif events:
            self._poller.loop.modify(descriptor, events)
        else:
            self._poller.loop.unregister(descriptor)
        self._events = events
