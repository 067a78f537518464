"""The live sessions that a worker tells of."""

from dataclasses import replace

from tests.support.peers import connect, listening
from tests.support.worker import Worker
from tidegate.link.messages import ListSessions, Sessions

LIMIT = 2


async def test_a_session_is_told_with_where_it_is_and_what_it_has_moved_up_to_now(worker: Worker) -> None:
    with listening() as backend:
        worker.add_pool()
        worker.set_backends([replace(backend.backend(), pod="web-1", zone="zone-a")])
        port = await worker.add_listener()
        with await connect(port) as client, await backend.accept() as served:
            for _ in range(2):
                await client.send(b"hello")
                assert await served.read_exactly(5) == b"hello"
                await served.send(b"welcome!")
                assert await client.read_exactly(8) == b"welcome!"
            answer = await worker.sessions()
            (entry,) = answer.sessions
            assert answer.total == 1
            assert (entry.client, entry.listener, entry.pool) == (f"127.0.0.1:{client.port}", "default", "default")
            assert (entry.backend, entry.pod, entry.node, entry.zone) == (backend.backend().name, "web-1", None, "zone-a")
            assert (entry.sent_bytes, entry.received_bytes) == (10, 16), "those since the last sweep, too"
            assert 0 <= entry.idle_seconds <= entry.age_seconds < 60


async def test_only_sessions_of_the_pool_and_the_backend_in_question_are_told_and_no_more_than_asked_for(
    worker: Worker,
) -> None:
    with listening() as one, listening() as other:
        for number, (name, backend) in enumerate((("one", one), ("other", other))):
            worker.add_pool(name, number)
            worker.set_backends([backend.backend()], name, first_slot=number)
        ports = [await worker.add_listener(name, number, pool=name) for number, name in enumerate(("one", "other"))]
        clients = [await connect(port) for port in (*ports, ports[1])]
        served = [await one.accept(), await other.accept(), await other.accept()]
        for query, found in (
            ({}, 3),
            ({"pool": "one"}, 1),
            ({"pool": "other"}, 2),
            ({"backend": one.backend().name}, 1),
            ({"pool": "one", "backend": other.backend().name}, 0),
        ):
            answer = await worker.sessions(**query)
            assert len(answer.sessions) == found, query
            assert answer.total == 3
        worker.channel.send(ListSessions(0, LIMIT))
        await worker.sessions()
        (short,) = [each for each in worker.messages if isinstance(each, Sessions) and each.request == 0]
        assert (len(short.sessions), short.total) == (LIMIT, 3)
        for peer in (*clients, *served):
            peer.close()
