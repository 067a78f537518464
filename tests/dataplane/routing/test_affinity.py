"""Clients that come back to the backend that they had."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from tests.support.peers import Listening, Peer, connect, serving
from tests.support.waiting import until
from tests.support.worker import Worker
from tidegate.link.messages import AffinityEntry, AffinityLearned, AffinityTold

CLIENTS = [f"127.0.0.{number}" for number in range(2, 8)]


def saying(number: int) -> Callable[[Peer], Awaitable[None]]:
    """A backend that says its number and waits for the client to end."""

    async def behave(peer: Peer) -> None:
        await peer.send(str(number).encode())
        await peer.read_all()

    return behave


@asynccontextmanager
async def numbered_backends(count: int) -> AsyncIterator[list[Listening]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(serving(saying(number))) for number in range(count)]


async def backend_of(client: str, port: int) -> int:
    """The number of the backend that a client gets with a short connection."""
    with await connect(port, source=client) as peer:
        return int(await peer.read_exactly(1))


def learned(worker: Worker) -> dict[str, str]:
    """What control has been told of clients, the last word of each."""
    messages = [message for message in worker.messages if isinstance(message, AffinityLearned)]
    return {entry.client: entry.backend for message in messages for entry in message.entries}


async def test_a_client_comes_back_to_its_backend_also_when_more_backends_have_joined(worker: Worker) -> None:
    async with numbered_backends(4) as backends:
        worker.add_pool(affinity_ttl=60.0, affinity_max_clients=100)
        worker.set_backends([backend.backend() for backend in backends[:2]])
        port = await worker.add_listener()
        first = [await backend_of(client, port) for client in CLIENTS]
        assert sorted(first) == [0, 0, 0, 1, 1, 1]
        worker.set_backends([backend.backend() for backend in backends[2:]], first_slot=2)
        await worker.sessions()
        for _ in range(3):
            assert [await backend_of(client, port) for client in CLIENTS] == first
        assert {await backend_of(f"127.0.0.{number}", port) for number in range(20, 28)} >= {2, 3}
        names = [str(backend.address) for backend in backends]
        await until(lambda: [learned(worker).get(client) for client in CLIENTS] == [names[number] for number in first])


async def test_all_clients_of_a_network_come_to_the_backend_that_the_first_of_them_was_given(worker: Worker) -> None:
    async with numbered_backends(2) as backends:
        worker.add_pool(affinity_ttl=60.0, affinity_max_clients=100, ipv4_prefix=24)
        worker.set_backends([backend.backend() for backend in backends])
        port = await worker.add_listener()
        assert len({await backend_of(client, port) for client in CLIENTS}) == 1
        other_network = {await backend_of(f"127.0.{number}.1", port) for number in range(1, 4)}
        assert len(other_network) == 2, "they take turns, as clients do"
        await until(lambda: set(learned(worker)) == {"127.0.0.0", "127.0.1.0", "127.0.2.0", "127.0.3.0"})


async def test_a_client_whose_backend_is_down_full_or_gone_gets_another_and_stays_there(worker: Worker) -> None:
    async with numbered_backends(2) as backends:
        first, second = (backend.backend() for backend in backends)
        worker.add_pool(affinity_ttl=60.0, affinity_max_clients=100)
        worker.set_backends([first])
        port = await worker.add_listener()
        assert await backend_of(CLIENTS[0], port) == 0
        worker.set_backends([second], first_slot=1)
        worker.set_backends([first], eligible=False)
        await worker.sessions()
        assert await backend_of(CLIENTS[0], port) == 1
        worker.set_backends([backends[0].backend(max_connections=1)])
        await worker.sessions()
        assert await backend_of(CLIENTS[0], port) == 1
        worker.remove_backends([second])
        await worker.sessions()
        assert await backend_of(CLIENTS[0], port) == 0
        worker.set_backends([second], first_slot=1)
        await until(lambda: worker.active == 0)
        with await connect(port, source=CLIENTS[0]) as held:
            assert await held.read_exactly(1) == b"0"
            assert await backend_of(CLIENTS[0], port) == 1
        await until(lambda: worker.active == 0)
        assert await backend_of(CLIENTS[0], port) == 1


async def test_a_backend_that_was_down_for_a_while_has_its_clients_again_unless_they_were_moved(worker: Worker) -> None:
    async with numbered_backends(2) as backends:
        first, second = (backend.backend() for backend in backends)
        worker.add_pool(affinity_ttl=60.0, affinity_max_clients=100)
        worker.set_backends([first])
        port = await worker.add_listener()
        assert [await backend_of(client, port) for client in CLIENTS[:2]] == [0, 0]
        worker.set_backends([second], first_slot=1)
        worker.set_backends([first], eligible=False)
        await worker.sessions()
        assert await backend_of(CLIENTS[0], port) == 1
        worker.set_backends([first])
        await worker.sessions()
        for _ in range(3):
            assert [await backend_of(client, port) for client in CLIENTS[:2]] == [1, 0]


async def test_what_control_tells_holds_and_a_live_session_keeps_its_entry(worker: Worker) -> None:
    async with numbered_backends(2) as backends:
        names = [str(backend.address) for backend in backends]
        worker.add_pool(affinity_ttl=2.0, affinity_max_clients=100)
        worker.set_backends([backend.backend() for backend in backends])
        port = await worker.add_listener()
        worker.channel.send(AffinityTold("default", [AffinityEntry(client, names[1], 0.0) for client in CLIENTS]))
        await worker.sessions()
        assert [await backend_of(client, port) for client in CLIENTS] == [1] * 6
        with await connect(port, source=CLIENTS[0]) as held:
            assert await held.read_exactly(1) == b"1"
            before = len(worker.messages)
            await until(lambda: sum(isinstance(message, AffinityLearned) for message in worker.messages[before:]) >= 4)
            assert learned(worker)[CLIENTS[0]] == names[1]
        assert await backend_of(CLIENTS[0], port) == 1
        assert sorted({await backend_of(client, port) for client in CLIENTS[1:]}) == [0, 1], "these were forgotten"


async def test_without_affinity_control_is_told_nothing(worker: Worker) -> None:
    async with numbered_backends(2) as backends:
        worker.add_pool()
        worker.set_backends([backend.backend() for backend in backends])
        port = await worker.add_listener()
        assert [await backend_of(CLIENTS[0], port) for _ in range(4)] == [0, 1, 0, 1]
        assert learned(worker) == {}


async def test_nobody_stays_on_a_backup_once_another_backend_is_back(worker: Worker) -> None:
    async with numbered_backends(2) as backends:
        primary, backup = backends[0].backend(), backends[1].backend(backup=True)
        worker.add_pool(affinity_ttl=60.0, affinity_max_clients=100)
        worker.set_backends([backup], first_slot=1)
        worker.set_backends([primary], eligible=False)
        port = await worker.add_listener()
        assert [await backend_of(client, port) for client in CLIENTS] == [1] * len(CLIENTS)
        worker.set_backends([primary])
        await worker.sessions()
        assert [await backend_of(client, port) for client in CLIENTS] == [0] * len(CLIENTS)
