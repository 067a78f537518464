"""What probes connect to: a port of all loopback addresses that accepts and closes, and notes how often each is asked."""

import asyncio
import socket
from time import monotonic

import uvloop

from tests.scale.parts.commands import Json, obey

BACKLOG = 4096


class Probed:
    """Accepts, and keeps the seconds between two connections to the same address."""

    def __init__(self) -> None:
        self._sock = socket.create_server(("0.0.0.0", 0), backlog=BACKLOG)
        self._sock.setblocking(False)
        self._last: dict[str, float] = {}
        self._pauses: list[float] = []
        asyncio.get_running_loop().add_reader(self._sock, self._accept)

    def _accept(self) -> None:
        try:
            while True:
                client, _ = self._sock.accept()
                address, now = client.getsockname()[0], monotonic()
                client.close()
                if address in self._last:
                    self._pauses.append(now - self._last[address])
                self._last[address] = now
        except BlockingIOError:
            pass

    async def port(self) -> Json:
        """Where it listens."""
        return {"port": self._sock.getsockname()[1]}

    async def forget(self) -> Json:
        """Forget the pauses so far."""
        self._pauses.clear()
        return {}

    async def pauses(self) -> Json:
        """The longest and the median pause in seconds, and how many there were."""
        pauses = sorted(self._pauses)
        return {"count": len(pauses), "median": pauses[len(pauses) // 2], "longest": pauses[-1]}


async def main() -> None:
    """Be asked."""
    probed = Probed()
    await obey({"port": probed.port, "forget": probed.forget, "pauses": probed.pauses})


if __name__ == "__main__":
    uvloop.run(main())
