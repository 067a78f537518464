"""Backends that would lead back to their own pool: found when names are resolved, kept out, and shown with the reason."""

import socket
from contextlib import suppress
from os import close

from tests.support.backends import TestBackend, echo
from tests.support.clients import connect
from tests.support.dns_server import running_dns_server
from tests.support.logs import captured_events
from tests.support.named_pools import named_pools, port_of
from tests.support.options import LISTENER
from tests.support.proxy import running_proxy
from tests.support.waiting import until
from tidegate.control.pools.cycle_guard import CycleGuard, is_own
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.totals import Totals
from tidegate.control.workers.listening_sockets import BoundListener
from tidegate.core.address import Address
from tidegate.core.pools.backend import Backend
from tidegate.link.board import Board
from tidegate.settings.parts.pool import PoolSettings

NAME = "here.test."


def test_of_the_addresses_of_a_name_those_that_lead_back_are_left_out() -> None:
    board = Board.create(1)
    pools: dict[str, LivePool] = {}
    loops = CycleGuard({"a": BoundListener("a", "a", 0, LISTENER, [Address("0.0.0.0", 8000)])}, pools)
    settings = PoolSettings.model_validate({"backends": "x:8000"})
    pools["a"] = LivePool("a", settings, "static", Totals(board), lambda *_: None, lambda found: loops.without("a", found))
    named = Backend("x:8000", "127.0.0.1", 8000, others=("10.255.255.1", "127.0.0.2", "::1"))
    unresolved, elsewhere = Backend("y:8000", "", 8000), Backend("127.0.0.1:8001", "127.0.0.1", 8001)
    pools["a"].discovered([named, unresolved, elsewhere])
    known = pools["a"].snapshot.members
    assert known["x:8000"].backend.hosts == ("10.255.255.1", "::1"), "this listener takes no IPv6"
    assert list(known) == ["x:8000", "y:8000", "127.0.0.1:8001"]
    assert pools["a"].discovery.reason is None
    pools["a"].discovered([Backend("z:8000", "0.0.0.0", 8000)], synced=False, reason="z is slow")
    assert not pools["a"].snapshot.members
    assert pools["a"].discovery.reason == (
        "z is slow; z:8000 leads back here: pool a -> 0.0.0.0:8000 = listener a -> pool a"
    )
    close(board.descriptor)


def test_a_backend_that_leads_back_is_told_once_and_anew_after_it_has_led_elsewhere() -> None:
    board = Board.create(1)
    pools: dict[str, LivePool] = {}
    ports = {"a": 8000, "b": 9000}
    guard = CycleGuard({n: BoundListener(n, n, 0, LISTENER, [Address("127.0.0.1", ports[n])]) for n in ports}, pools)
    settings = PoolSettings.model_validate({"backends": "x:8000"})
    for name in ports:
        pools[name] = LivePool(name, settings, "static", Totals(board), lambda *_: None)
    back, elsewhere = Backend("x:8000", "127.0.0.1", 8000), Backend("x:8000", "127.0.0.1", 8001)
    with captured_events() as events:
        for found in (back, back, elsewhere, back):
            guard.without("a", [found])
            guard.without("b", [Backend("y:9000", "127.0.0.1", 9000)])
    told = [(event["event"], event["pool"], event["backend"]) for event in events]
    of_a, of_b = ("backend_refused", "a", "x:8000"), ("backend_refused", "b", "y:9000")
    assert told == [of_a, of_b, of_a]
    assert events[0]["reason"] == "x:8000 leads back here: pool a -> 127.0.0.1:8000 = listener a -> pool a"
    close(board.descriptor)


def test_a_reason_that_names_many_backends_is_cut() -> None:
    board = Board.create(1)
    pools: dict[str, LivePool] = {}
    guard = CycleGuard({"a": BoundListener("a", "a", 0, LISTENER, [Address("127.0.0.1", 8000)])}, pools)
    settings = PoolSettings.model_validate({"backends": "x:8000"})
    pools["a"] = LivePool("a", settings, "static", Totals(board), lambda *_: None)
    kept, reason = guard.without("a", [Backend(f"x{number}:8000", "127.0.0.1", 8000) for number in range(9)])
    assert kept == []
    assert 250 < len(reason) <= 300
    close(board.descriptor)


def test_an_address_of_an_interface_is_this_host_and_another_one_is_not() -> None:
    own = "127.0.0.1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, suppress(OSError):  # a host may have no other one
        sock.connect(("192.0.2.1", 9))
        own = sock.getsockname()[0]
    assert is_own(own)
    assert not is_own("192.0.2.1")


async def test_a_name_that_leads_back_is_refused_with_the_way_and_used_once_it_leads_elsewhere() -> None:
    async with running_dns_server() as server:
        server.ttl = 1
        server.set(NAME, "A", "127.0.0.1")
        common = {"HEALTH__INTERVAL": "200ms", "HEALTH__TIMEOUT": "200ms", "READY__MIN_BACKENDS": 0}
        settings = named_pools(
            a=common, b={**common, "DNS__NAME": NAME, "DNS__RESOLVER": server.resolver, "DNS__MAX_INTERVAL": "1s"}
        )
        front, behind = port_of(settings, "a"), port_of(settings, "b")
        settings |= {"POOLS__A__BACKENDS": f"127.0.0.1:{behind}", "POOLS__B__DNS__PORT": front}
        async with running_proxy(**settings) as proxy:
            line = await proxy.event("backend_refused", pool="b", backend=f"127.0.0.1:{front}")
            way = f"pool b -> 127.0.0.1:{front} = listener a -> pool a -> 127.0.0.1:{behind} = listener b -> pool b"
            assert line["reason"] == f"127.0.0.1:{front} leads back here: {way}"
            assert await proxy.backends("b") == {}
            (shown,) = [pool for pool in (await proxy.status())["pools"] if pool["name"] == "b"]
            assert shown["discovery"]["reason"] == line["reason"]

            backend = TestBackend(echo, "127.0.0.2")
            backend.port = front
            await backend.start()
            server.set(NAME, "A", "127.0.0.2")
            await proxy.event("backend_up", pool="b", backend=f"127.0.0.2:{front}")

            async def served() -> bool:
                client = await connect(front)
                try:
                    return await client.ask(b"x") == b"x"
                except (OSError, EOFError):
                    return False
                finally:
                    await client.close()

            await until(served)
            assert len(proxy.events("backend_refused")) == 1, "told once"
            assert await proxy.stop() == 0
            await backend.stop()
