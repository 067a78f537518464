"""Backends from a Service, with a scripted API server over real HTTP: whatever it does, the pool ends equal to it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_server import (
    ApiServer,
    Fault,
    expired,
    line,
    raw,
    redirect,
    running_api_server,
    sending,
    status,
)
from tests.support.backends import echo, running_backend
from tests.support.following import ONE, QUICK, TWO, following, hosts, settled
from tests.support.logs import captured_events
from tests.support.slices import draining, endpoint, endpoint_slice, endpoints_object
from tests.support.waiting import until
from tidegate.control.discovery.kubernetes.cluster import Cluster
from tidegate.control.discovery.kubernetes.kubeconfig import Kubeconfig
from tidegate.control.discovery.kubernetes.watch import WatchPace
from tidegate.core.backoff import Backoff
from tidegate.core.pools.backend import State


async def test_the_pool_follows_the_service_and_nothing_else(server: ApiServer, tmp_path: Path) -> None:
    await server.put(endpoint_slice("other", endpoint("10.0.0.9"), service="elsewhere"))
    async with following(server, tmp_path) as pool:
        await settled(pool, 1)
        await until(lambda: pool.discovery.synced and server.watchers == 1)
        await server.put(TWO)
        await settled(pool, 1, 2)
        await server.put(endpoint_slice("other", endpoint("10.0.0.8"), service="elsewhere"))
        await server.put(endpoint_slice("slice-1", endpoint("10.0.0.1"), service="elsewhere"))
        await settled(pool, 2)
        await server.delete(TWO)
        await settled(pool)
        assert len(server.requests("list")) == 1
        assert len(server.requests("watch")) == 1
        query = server.requests("watch")[0].query
        assert query["allowWatchBookmarks"] == "true"
        assert 30 <= int(query["timeoutSeconds"]) <= 40


async def test_an_endpoint_that_ends_drains_and_one_that_is_gone_leaves(server: ApiServer, tmp_path: Path) -> None:
    async with following(server, tmp_path) as pool:
        await settled(pool, 1)
        await server.put(endpoint_slice("slice-2", endpoint("10.0.0.2", pod="web-2", nodeName="n", zone="z")))
        await settled(pool, 1, 2)
        backend = pool.snapshot.members["10.0.0.2:8000"].backend
        assert (backend.pod, backend.node, backend.zone) == ("web-2", "n", "z")
        await server.put(endpoint_slice("slice-2", draining("10.0.0.2", pod="web-2", nodeName="n", zone="z")))
        await until(lambda: pool.snapshot.members["10.0.0.2:8000"].state is State.DRAINING)
        assert pool.snapshot.members["10.0.0.1:8000"].state is State.UP
        await server.delete(TWO)
        await settled(pool, 1)


async def test_a_watch_that_ends_as_asked_goes_on_from_its_bookmark(server: ApiServer, tmp_path: Path) -> None:
    pace = WatchPace(shortest_watch=1, longest_watch=1, backoff=QUICK.backoff, too_short=0.5)
    with captured_events() as log:
        async with following(server, tmp_path, pace) as pool:
            await settled(pool, 1)
            await server.put(endpoint_slice("other", service="elsewhere"))
            await until(lambda: len(server.requests("watch")) == 3)
            assert len(server.requests("list")) == 1
            first, second, _ = server.requests("watch")
            assert int(second.query["resourceVersion"]) > int(first.query["resourceVersion"])
            await server.put(TWO)
            await settled(pool, 1, 2)
            assert pool.discovery.events["failed"] == 0
    assert [entry["event"] for entry in log if entry["event"].startswith("discovery")] == ["discovery_synced"]


FAULTS: dict[str, list[Fault]] = {
    "a clean end at once": [sending()],
    "cut before an event": [sending(then="cut")],
    "cut in the middle of an object": [sending(line("ADDED", TWO)[:60], then="cut")],
    "a clean end in the middle of an object": [sending(line("ADDED", TWO)[:60])],
    "410 as a status": [status(410, "too old")],
    "410 as an event": [sending(line("ERROR", expired()))],
    "410 again and again": [sending(line("ERROR", expired()))] * 4,
    "another error as an event": [sending(line("ERROR", {"code": 500, "message": "etcd"}))],
    "an error that is no Status": [sending(line("ERROR", 3))],
    "400": [status(400, "bad")],
    "403": [status(403, "forbidden")],
    "429": [status(429, "busy")],
    "500": [status(500, "oops")],
    "garbage": [sending(b"<html>no\n")],
    "no event": [sending(b'{"type": "HELLO"}\n')],
    "silence": [sending(then="silence")],
    "an event without an object": [sending(line("ADDED", None))],
}


@pytest.mark.parametrize("name", FAULTS)
async def test_after_trouble_with_a_watch_the_pool_is_equal_to_the_service_again(
    server: ApiServer, tmp_path: Path, name: str
) -> None:
    server.faults["watch"].extend(FAULTS[name])
    pace = WatchPace(shortest_watch=1, longest_watch=1, lateness=0.2, too_short=0.0, backoff=QUICK.backoff)
    async with following(server, tmp_path, pace) as pool:
        await settled(pool, 1)
        await server.put(TWO)
        await until(lambda: hosts(pool) == ["10.0.0.1", "10.0.0.2"])
        await server.delete(ONE)
        await settled(pool, 2)
        await until(lambda: pool.discovery.synced)
        await until(lambda: not server.faults["watch"])


LIST_FAULTS: dict[str, tuple[Fault, str]] = {
    "500": (status(500, "etcd is away"), "500 for list endpointslices.discovery.k8s.io in the namespace chat: etcd is away"),
    "403": (
        status(403),
        "403: we may not list endpointslices.discovery.k8s.io in the namespace chat: give our account this verb on this "
        "resource",
    ),
    "404": (status(404), "404: the API server has nothing to list endpointslices.discovery.k8s.io in the namespace chat"),
    "garbage": (raw(b"<html>"), "the answer to a list is not JSON"),
    "no list": (raw(b'{"items": 3}'), "the answer to a list is no list"),
    "a Status": (
        raw(b'{"kind": "Status", "metadata": {"resourceVersion": "9"}, "code": 500}'),
        "the answer to a list is no list",
    ),
    "no items": (
        raw(b'{"kind": "EndpointSliceList", "metadata": {"resourceVersion": "9"}}'),
        "the answer to a list is no list",
    ),
    "no version": (
        raw(b'{"kind": "EndpointSliceList", "metadata": {}, "items": []}'),
        "the list has no resource version",
    ),
}


@pytest.mark.parametrize("name", LIST_FAULTS)
async def test_trouble_with_a_list_is_said_and_tried_again(server: ApiServer, tmp_path: Path, name: str) -> None:
    server.standing["list"], reason = LIST_FAULTS[name]
    with captured_events() as log:
        async with following(server, tmp_path) as pool:
            await until(lambda: pool.discovery.events["failed"] > 3)
            assert not pool.discovery.synced
            assert pool.discovery.reason is not None
            assert pool.discovery.reason.startswith(reason)
            del server.standing["list"]
            await settled(pool, 1)
            await until(lambda: pool.discovery.synced)
            assert pool.discovery.reason is None
    events = [entry["event"] for entry in log if entry["event"] in ("discovery_failed", "discovery_synced")]
    assert events == ["discovery_failed", "discovery_synced"], "each is said once"


@pytest.mark.parametrize("name", LIST_FAULTS)
async def test_an_answer_that_is_no_list_takes_no_backend_away(server: ApiServer, tmp_path: Path, name: str) -> None:
    async with following(server, tmp_path) as pool:
        await settled(pool, 1)
        await until(lambda: server.watchers == 1)
        server.standing["list"], _ = LIST_FAULTS[name]
        server.compact()
        await server.stop()
        await server.start()
        await until(lambda: pool.discovery.events["failed"] > 3)
        assert hosts(pool) == ["10.0.0.1"]


async def test_discovery_trouble_never_empties_a_pool_and_no_version_is_trusted_too_long(
    server: ApiServer, tmp_path: Path
) -> None:
    async with following(server, tmp_path) as pool:
        await settled(pool, 1)
        await until(lambda: server.watchers == 1)
        await server.stop()
        await until(lambda: pool.discovery.events["failed"] > 3)
        assert hosts(pool) == ["10.0.0.1"]
        assert pool.discovery.reason == "cannot connect to the API server: connection refused"
        assert not pool.discovery.synced
        await server.put(TWO)
        await server.delete(ONE)
        server.compact()
        await server.start()
        await settled(pool, 2)
        await until(lambda: pool.discovery.synced)


GROWING = WatchPace(backoff=Backoff(first=0.05, longest=30, healthy_after=120), between=lambda _least, most: most)
"""Pauses as long as they may be: 50 ms, then twice as long each time."""


async def test_a_storm_of_410_is_answered_with_growing_pauses(server: ApiServer, tmp_path: Path) -> None:
    server.standing["watch"] = sending(line("ERROR", expired()))
    async with following(server, tmp_path, GROWING) as pool:
        await until(lambda: len(server.requests("list")) >= 2)
        assert pool.discovery.events["failed"] == 0, "the first time it lists anew at once, and it is no trouble"
        await until(lambda: len(server.requests("list")) >= 5)
        times = [asked.at for asked in server.requests("list")]
        assert [times[index + 1] - times[index] > pause for index, pause in ((1, 0.1), (2, 0.2), (3, 0.4))] == [True] * 3
        del server.standing["watch"]
        await server.put(TWO)
        await settled(pool, 1, 2)


async def test_a_server_that_ends_watches_at_once_is_not_asked_without_a_pause(server: ApiServer, tmp_path: Path) -> None:
    server.standing["watch"] = sending(line("BOOKMARK", {"metadata": {"resourceVersion": "1001"}}))
    async with following(server, tmp_path, GROWING) as pool:
        await until(lambda: pool.discovery.reason == "the API server ends watches at once")
        await until(lambda: len(server.requests("watch")) >= 4)
        times = [asked.at for asked in server.requests("watch")]
        assert [times[index + 1] - times[index] > pause for index, pause in ((0, 0.05), (1, 0.1), (2, 0.2))] == [True] * 3
        assert len(server.requests("list")) == 1


def in_three_seconds() -> str:
    """A date of HTTP, which knows no fractions: at least two seconds ahead, less what the test takes."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)


@pytest.mark.parametrize("when", [lambda: "1", lambda: "1.2", in_three_seconds], ids=["seconds", "fractions", "date"])
async def test_retry_after_is_honoured(server: ApiServer, tmp_path: Path, when: Callable[[], str]) -> None:
    server.faults["list"].append(status(429, "busy", **{"Retry-After": when()}))
    async with following(server, tmp_path) as pool:
        await settled(pool, 1)
        first, second = server.requests("list")
        assert second.at - first.at >= 1


async def test_a_service_that_does_not_exist_yet_is_waited_for_with_one_warning(tmp_path: Path) -> None:
    with captured_events() as log:
        async with running_api_server() as server, following(server, tmp_path) as pool:
            await until(
                lambda: (
                    pool.discovery.reason
                    == "no EndpointSlices for chat/socketio: is it there, and not of type ExternalName?"
                )
            )
            assert pool.discovery.synced
            assert not pool.ready
            server.compact()
            await server.cut_watches()
            await until(lambda: len(server.requests("list")) == 2)
            await server.put(ONE)
            await settled(pool, 1)
            assert pool.discovery.reason is None
    assert len([entry for entry in log if entry["event"] == "discovery_empty"]) == 1


async def test_a_port_that_no_slice_has_is_said_with_those_that_exist(server: ApiServer, tmp_path: Path) -> None:
    async with following(server, tmp_path, port="ws") as pool:
        await until(lambda: pool.discovery.reason == "no slice has the TCP port 'ws': expected one of http (8000)")
        await server.put(endpoint_slice("slice-2", endpoint("10.0.0.2"), ports=[{"name": "ws", "port": 9000}]))
        await settled(pool, 2)


async def test_what_is_malformed_is_skipped_with_one_warning_each(server: ApiServer, tmp_path: Path) -> None:
    bad = endpoint_slice("bad", {"addresses": ["nowhere"]}, endpoint("10.0.0.3"))
    with captured_events() as log:
        async with following(server, tmp_path) as pool:
            await settled(pool, 1)
            await server.put(bad)
            await settled(pool, 1, 3)
            await server.put(bad)
            await server.put(endpoint_slice("names", family="FQDN"))
            await server.put(TWO)
            await settled(pool, 1, 2, 3)
    assert [entry["reason"] for entry in log if entry["event"] == "discovery_skipped"] == [
        "bad: address 'nowhere' is not an IP address; the endpoint was skipped",
        "names: addressType 'FQDN' is ignored: expected IPv4 or IPv6",
    ]


async def test_endpoints_objects_are_an_alternative_that_is_called_deprecated(tmp_path: Path) -> None:
    ports = [{"name": "http", "port": 8000}]
    with captured_events() as log:
        async with running_api_server() as server, following(server, tmp_path, api="endpoints") as pool:
            await server.put(endpoints_object("other", {"addresses": [{"ip": "10.0.0.9"}], "ports": ports}))
            await server.put(endpoints_object("socketio", {"addresses": [{"ip": "10.0.0.1"}], "ports": ports}))
            await settled(pool, 1)
            both = {"addresses": [{"ip": "10.0.0.2"}], "notReadyAddresses": [{"ip": "10.0.0.1"}], "ports": ports}
            await server.put(endpoints_object("socketio", both))
            await until(lambda: pool.snapshot.members["10.0.0.1:8000"].state is State.DRAINING)
            assert pool.snapshot.members["10.0.0.2:8000"].state is State.UP
            await server.delete(endpoints_object("socketio"))
            await settled(pool)
    assert len([entry for entry in log if entry["event"] == "discovery_deprecated"]) == 1


async def test_more_backends_than_there_is_room_for_are_left_out_and_said(server: ApiServer, tmp_path: Path) -> None:
    await server.put(endpoint_slice("more", *(endpoint(f"10.0.0.{number}") for number in (2, 3, 4))))
    async with following(server, tmp_path, room=2) as pool:
        await until(lambda: pool.discovery.reason == "no room for 2 more backends")
        assert len(hosts(pool)) == 2


@pytest.mark.parametrize("first", ["leaves its slice", "joins the other"])
async def test_an_endpoint_that_moves_to_another_slice_is_there_all_the_time(
    server: ApiServer, tmp_path: Path, first: str
) -> None:
    await server.put(endpoint_slice("other"))
    async with following(server, tmp_path) as pool:
        await settled(pool, 1)
        await until(lambda: server.watchers == 1)
        events = [endpoint_slice("slice-1"), endpoint_slice("other", endpoint("10.0.0.1"))]
        if first == "joins the other":
            events.reverse()
        await server.put(events[0])
        await server.put(endpoint_slice("third", endpoint("10.0.0.3")))
        await until(lambda: sorted(hosts(pool)) == ["10.0.0.1", "10.0.0.3"])  # so both events have been taken over
        await server.put(events[1])
        await server.put(TWO)
        await settled(pool, 1, 2, 3)
        assert (pool.discovery.events["removed"], pool.discovery.events["added"]) == (0, 3)
        await server.delete(endpoint_slice("other"))
        await settled(pool, 2, 3)


async def test_another_pod_at_the_same_address_is_not_taken_for_the_one_that_was_there(
    server: ApiServer, tmp_path: Path
) -> None:
    await server.put(endpoint_slice("slice-1", endpoint("10.0.0.1", pod="old")))
    async with following(server, tmp_path, health={"type": "tcp", "fall": 1}) as pool:
        await settled(pool, 1)
        pool.probed("10.0.0.1:8000", "connection refused", 0.1)
        await until(lambda: pool.snapshot.members["10.0.0.1:8000"].state is State.DOWN)
        await server.put(endpoint_slice("slice-1", endpoint("10.0.0.1", pod="new")))
        await until(lambda: pool.snapshot.members["10.0.0.1:8000"].state is State.UP)
        assert pool.records["10.0.0.1:8000"].health.failures == 0


async def test_a_service_without_endpoints_or_without_one_that_is_ready_says_so(server: ApiServer, tmp_path: Path) -> None:
    async with following(server, tmp_path) as pool:
        await settled(pool, 1)
        await server.put(endpoint_slice("slice-1"))
        await until(lambda: pool.discovery.reason == "the Service has no endpoints")
        await server.put(endpoint_slice("slice-1", endpoint("10.0.0.1", ready=False, serving=False)))
        await until(lambda: pool.discovery.reason == "none of 1 endpoints is ready")
        await server.put(ONE)
        await until(lambda: pool.discovery.reason is None)


async def test_slices_without_the_port_are_said_while_others_are_used(server: ApiServer, tmp_path: Path) -> None:
    await server.put(endpoint_slice("slice-2", endpoint("10.0.0.2"), ports=[{"name": "ws", "port": 9000}]))
    reason = "1 of 2 slices are left out: they have not the TCP port 'http': expected one of http (8000), ws (9000)"
    with captured_events() as log:
        async with following(server, tmp_path, port="http") as pool:
            await settled(pool, 1)
            await until(lambda: pool.discovery.reason == reason)
    assert [entry["reason"] for entry in log if entry["event"] == "discovery_skipped"] == [reason]


async def test_a_redirect_to_another_server_is_not_followed(server: ApiServer, tmp_path: Path) -> None:
    async with running_api_server() as other:
        await other.put(TWO)
        server.standing["list"] = redirect(f"{other.url}/apis/discovery.k8s.io/v1/namespaces/chat/endpointslices")
        async with following(server, tmp_path) as pool:
            await until(lambda: (pool.discovery.reason or "").startswith("the API server sends us elsewhere"))
            assert not hosts(pool)


async def test_what_a_server_says_is_one_line_without_anything_for_a_terminal(server: ApiServer, tmp_path: Path) -> None:
    server.standing["list"] = status(500, "boom\n\x1b[31mred")
    async with following(server, tmp_path) as pool:
        await until(lambda: (pool.discovery.reason or "").endswith(": boom  [31mred"))


async def test_a_server_that_does_not_speak_http_is_told_from_a_connection_that_is_cut(tmp_path: Path) -> None:
    async with running_backend(echo) as backend:
        server = ApiServer()
        server.port = backend.port
        async with following(server, tmp_path) as pool:
            await until(lambda: (pool.discovery.reason or "").startswith("what answers at the address of the API server"))


async def test_backends_that_were_left_out_come_in_without_an_event_once_there_is_room(
    server: ApiServer, tmp_path: Path
) -> None:
    await server.put(endpoint_slice("slice-1", endpoint("10.0.0.1"), endpoint("10.0.0.2")))
    async with following(server, tmp_path, room=2) as pool:
        await settled(pool, 1, 2)
        await server.put(endpoint_slice("slice-1", endpoint("10.0.0.3"), endpoint("10.0.0.4")))
        await until(lambda: pool.discovery.reason == "no room for 2 more backends" and not hosts(pool))
        pool.release_slots()
        await settled(pool, 3, 4)
        assert pool.discovery.reason is None


async def test_two_pools_of_one_cluster_do_not_disturb_each_other(server: ApiServer, tmp_path: Path) -> None:
    cluster = Cluster(Kubeconfig(server.kubeconfig(tmp_path / "config")))
    await server.put(endpoint_slice("web-1", endpoint("10.0.0.2"), service="web"))
    async with (
        following(server, tmp_path, cluster=cluster) as chat,
        following(server, tmp_path, cluster=cluster, service="chat/web") as web,
    ):
        await settled(chat, 1)
        await settled(web, 2)
        await server.delete(ONE)
        await settled(chat)
        assert hosts(web) == ["10.0.0.2"]


async def test_thousands_of_endpoints_that_change_at_once_come_and_go_in_portions(server: ApiServer, tmp_path: Path) -> None:
    old, new = ([endpoint(f"10.{net}.{number // 200}.{number % 200}") for number in range(1200)] for net in (1, 2))
    sizes: list[int] = []
    async with following(server, tmp_path) as pool:
        await settled(pool, 1)
        pool._changed = lambda _, changes: sizes.append(len(changes))
        await server.put(endpoint_slice("slice-1", endpoint("10.0.0.1"), *old))
        await until(lambda: len(hosts(pool)) == 1201)
        await server.put(endpoint_slice("slice-1", endpoint("10.0.0.1"), *new))
        await until(lambda: len(hosts(pool)) == 1201 and hosts(pool)[-1].startswith("10.2."))
    assert sum(sizes) == 3600
    assert max(sizes) <= 1000


async def test_thousands_of_endpoints_without_room_are_not_tried_again_and_again(server: ApiServer, tmp_path: Path) -> None:
    publications: list[int] = []
    async with following(server, tmp_path, room=2) as pool:
        await settled(pool, 1)
        discovered = pool.discovered

        def counting(*args: Any, **options: Any) -> None:
            publications.append(1)
            discovered(*args, **options)

        pool.discovered = counting  # type: ignore[method-assign]
        crowd = [endpoint(f"10.1.{number // 200}.{number % 200}") for number in range(1200)]
        await server.put(endpoint_slice("crowd", *crowd))
        await until(lambda: pool.discovery.reason == "no room for 1199 more backends")
        await server.put(endpoint_slice("crowd", *crowd, endpoint("10.2.0.1")))
        await until(lambda: pool.discovery.reason == "no room for 1200 more backends")
        assert len(publications) < 10


async def test_many_events_are_published_together(server: ApiServer, tmp_path: Path) -> None:
    async with following(server, tmp_path) as pool:
        await settled(pool, 1)
        await until(lambda: server.watchers == 1)
        for number in range(200):
            await server.put(endpoint_slice("slice-1", endpoint(f"10.0.0.{number + 2}")))
        await settled(pool, 201)
        assert pool.discovery.events["added"] < 100
