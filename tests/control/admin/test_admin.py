"""The admin port: what each route answers, to whom, and that no client can keep it from answering others."""

import asyncio
import csv
import os
import re
import signal
import socket
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import datetime
from hashlib import sha256
from time import monotonic
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.support.backends import echo, running_backend
from tests.support.clients import connect
from tests.support.named_pools import named_pools, port_of
from tests.support.ports import free_port
from tests.support.proxy import Proxy, running_proxy
from tests.support.waiting import until
from tidegate.control.admin.connection import UNREAD_TIMEOUT
from tidegate.core.reasons import CloseReason
from tidegate.link.sockets import RESET_ON_CLOSE

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN = "correct-horse-battery"
ROUTES = ("/", "/status", "/metrics", "/healthz", "/livez", "/readyz", "/connections")
SLOW, IDLE = 100, 300

STATUS = {"version", "state", "started", "uptime_seconds", "workers", "listeners", "pools"}
WORKER = {"id", "pid", "connections_active", "restarts"}
LISTENER = {"name", "bind", "pool", "connections_active", "connections_total", "rejected_total"}
BACKEND = {
    "name", "address", "port", "state", "since", "weight", "effective_weight", "backup", "connections_active",
    "connections_total", "connect_failures_total", "sent_bytes_total", "received_bytes_total", "ejection", "health",
    "pod", "node", "zone",
}  # fmt: skip
HEALTH = {"type", "successes", "failures", "last_check", "last_result", "latency_seconds"}

METRICS = {
    "tidegate_build_info": {"version", "python"},
    "tidegate_listener_connections_total": {"listener"},
    "tidegate_listener_connections_active": {"listener"},
    "tidegate_listener_rejected_total": {"listener", "reason"},
    "tidegate_backend_up": {"pool", "backend"},
    "tidegate_backend_state": {"pool", "backend", "state"},
    "tidegate_backend_connections_active": {"pool", "backend"},
    "tidegate_backend_connections_total": {"pool", "backend"},
    "tidegate_backend_connect_failures_total": {"pool", "backend", "reason"},
    "tidegate_backend_sent_bytes_total": {"pool", "backend"},
    "tidegate_backend_received_bytes_total": {"pool", "backend"},
    "tidegate_backend_health_checks_total": {"pool", "backend", "result"},
    "tidegate_backend_ejections_total": {"pool", "backend"},
    "tidegate_backend_last_transition_timestamp_seconds": {"pool", "backend"},
    "tidegate_pool_backends": {"pool", "state"},
    "tidegate_pool_panic": {"pool"},
    "tidegate_connections_closed_total": {"pool", "reason"},
    "tidegate_relayed_bytes_total": {"pool", "path"},
    "tidegate_connect_duration_seconds_bucket": {"pool", "le"},
    "tidegate_connect_duration_seconds_count": {"pool"},
    "tidegate_connect_duration_seconds_sum": {"pool"},
    "tidegate_connection_duration_seconds_bucket": {"pool", "le"},
    "tidegate_health_check_duration_seconds_bucket": {"pool", "le"},
    "tidegate_discovery_synced": {"pool", "source"},
    "tidegate_discovery_last_sync_timestamp_seconds": {"pool", "source"},
    "tidegate_discovery_events_total": {"type"},
    "tidegate_worker_restarts_total": set[str](),
    "tidegate_draining": set[str](),
    "tidegate_connections_limit": set[str](),
    "tidegate_event_loop_lag_seconds": {"process"},
    "process_resident_memory_bytes": set[str](),
    "process_open_fds": set[str](),
    "process_cpu_seconds_total": set[str](),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy() -> AsyncIterator[Proxy]:
    """A proxy with two pools: one with a backend up and a backend down, one with nothing but a backend down."""
    async with running_backend(echo) as backend:
        settings = named_pools(
            chat={"BACKENDS": f"{backend.name} weight=3, 127.0.0.1:{free_port()} backup"},
            spare={"BACKENDS": f"127.0.0.1:{free_port()}", "READY__MIN_BACKENDS": 0},
        )
        async with running_proxy(**settings) as running:
            running.port = port_of(settings, "chat")
            yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded() -> AsyncIterator[Proxy]:
    """A proxy with a token whose admin port is reachable from other addresses than loopback."""
    async with running_backend(echo) as backend:
        admin = free_port()
        async with running_proxy(BACKENDS=backend.name, ADMIN=f"0.0.0.0:{admin}", ADMIN_TOKEN=TOKEN, wait=False) as running:
            running.admin_port = admin
            await running.event("backend_up")
            yield running


async def say(port: int, request: bytes) -> bytes:
    """Send raw bytes to the admin port and read the head of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(10):
            return await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.transport.abort()


def code(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


async def test_the_status_has_exactly_the_fields_of_the_contract(proxy: Proxy) -> None:
    status = await proxy.status()
    assert set(status) == STATUS
    assert status["state"] == "running"
    assert datetime.fromisoformat(status["started"]).tzinfo is not None
    assert [set(worker) for worker in status["workers"]] == [WORKER]
    assert [set(listener) for listener in status["listeners"]] == [LISTENER, LISTENER]
    for pool in status["pools"]:
        assert set(pool) == {"name", "balance", "panic", "discovery", "backends"}
        assert set(pool["discovery"]) == {"source", "synced", "since", "last_sync", "reason"}
        for backend in pool["backends"]:
            assert set(backend) == BACKEND
            assert set(backend["health"]) == HEALTH
    up, down = status["pools"][0]["backends"]
    assert (up["state"], up["weight"], up["backup"], up["name"]) == ("up", 3, False, f"127.0.0.1:{up['port']}")
    assert (down["state"], down["weight"], down["backup"]) == ("down", 1, True)
    assert (up["health"]["last_result"], down["health"]["last_result"]) == ("ok", "connection refused")


async def test_the_status_can_be_filtered_and_come_as_csv(proxy: Proxy) -> None:
    async def names(query: str) -> dict[str, list[str]]:
        status, body = await proxy.get(f"/status?{query}")
        assert status == 200
        pools = orjson.loads(body)["pools"]
        return {pool["name"]: [backend["state"] for backend in pool["backends"]] for pool in pools}

    assert await names("") == {"chat": ["up", "down"], "spare": ["down"]}
    assert await names("pool=chat") == {"chat": ["up", "down"]}
    assert await names("state=up") == {"chat": ["up"], "spare": []}
    assert await names("pool=spare&state=down&format=json") == {"spare": ["down"]}

    _, body = await proxy.get("/status?format=csv&state=down")
    rows = list(csv.DictReader(body.decode().splitlines()))
    assert [(row["pool"], row["state"], row["health_last_result"]) for row in rows] == [
        ("chat", "down", "connection refused"),
        ("spare", "down", "connection refused"),
    ]
    assert set(rows[0]) == {"pool", *(BACKEND - {"health", "ejection"}), *(f"health_{field}" for field in HEALTH)}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/status?colour=red", "known are format, pool, state"),
        ("/status?pool=nobody", "valid are chat, spare"),
        ("/status?state=asleep", "valid are up, down, checking, draining, ejected"),
        ("/status?format=xml", "valid are json, csv"),
        ("/connections?limit=0", "valid are 1 to 10000"),
        ("/connections?limit=many", "valid are 1 to 10000"),
        ("/connections?limit=-1", "valid are 1 to 10000"),
        ("/connections?since=now", "known are limit, pool, backend"),
    ],
)
async def test_unknown_parameters_and_values_get_400_and_what_would_be_valid(proxy: Proxy, path: str, said: str) -> None:
    status, body = await proxy.get(path)
    assert status == 400
    assert said in body.decode()


async def test_every_route_answers_and_unknown_ones_get_the_list_of_them(proxy: Proxy) -> None:
    for route in ROUTES:
        assert (await proxy.get(route))[0] == 200, route
    for unknown in ("/stats", "/status/", "/%2e%2e/etc/passwd", "/metrics/../status/x"):
        status, body = await proxy.get(unknown)
        assert status == 404
        assert body.decode().split("\n")[1:-1] == list(ROUTES)
    async with aiohttp.ClientSession() as http:
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            async with http.request(method, f"{proxy.admin_url}/status") as response:
                assert response.status == 405
                assert "GET" in response.headers["Allow"]
        async with http.head(f"{proxy.admin_url}/healthz") as response:
            assert response.status == 200


async def test_every_answer_has_the_headers_that_keep_a_browser_from_harm_and_names_no_version(proxy: Proxy) -> None:
    requests = {f"GET {route} HTTP/1.1\r\nHost: a\r\n\r\n".encode(): {200} for route in ROUTES if route != "/connections"}
    refused = {
        b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n": {404},
        b"GET /status?x=1 HTTP/1.1\r\nHost: a\r\n\r\n": {400},
        b"GET /connections HTTP/1.1\r\nHost: a\r\n\r\n": {403},
        b"POST /status HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n": {405},
        b"CONNECT /status HTTP/1.1\r\nHost: a\r\n\r\n": {405},
        b"GET /status HTTP/1.1\r\nHost: a\r\nExpect: the unexpected\r\n\r\n": {417},
        b"GET /status HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n": {400},
        b"GET /status HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000 + b"\r\n\r\n": {431},
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n": {431},
        b"\x16\x03\x01\x02\x00\x01\r\n\r\n": {400},
        b"<script>alert(1)</script> / HTTP/1.1\r\n\r\n": {400},
    }
    for request, codes in (requests | refused).items():
        answer = await say(proxy.admin_port, request)
        head = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in answer.decode().split("\r\n")[1:-2])
        }
        assert code(answer) in codes, request[:60]
        assert (head["cache-control"], head["x-content-type-options"], head["server"]) == ("no-store", "nosniff", "tidegate")
        assert head["content-security-policy"].startswith(
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-anc"
        )
        assert "unsafe" not in head["content-security-policy"]


async def test_the_page_may_load_nothing_from_outside(proxy: Proxy) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{proxy.admin_url}/") as response:
        policy = response.headers["Content-Security-Policy"]
        assert response.content_type == "text/html"
        page = await response.text()
    assert policy.startswith("default-src 'none'")
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    for tag in ("script", "style"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert f"{tag}-src 'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'" in policy


@pytest.mark.parametrize("route", ["/metrics", "/status", "/status?format=csv", "/status?pool=chat&state=up"])
async def test_requests_within_a_second_get_the_same_and_later_ones_get_what_is_new(proxy: Proxy, route: str) -> None:
    async with aiohttp.ClientSession() as http:

        async def ask() -> bytes:
            async with http.get(proxy.admin_url + route) as response:
                return await response.read()

        await asyncio.gather(*(ask() for _ in range(5)))
        first = await ask()
        same = await asyncio.gather(*(ask() for _ in range(50)))
        assert len({first, *same}) <= 2, "a second may have ended in between"

        async def another() -> bool:
            return await ask() != first

        if route != "/status?format=csv":
            await until(another)


async def test_metrics_have_every_name_of_the_contract_with_its_labels(proxy: Proxy) -> None:
    _, body = await proxy.get("/metrics")
    families = list(parse_text(body.decode()))
    labels = {sample.name: set(sample.labels) for family in families for sample in family.samples}
    assert {name: labels.get(name) for name in METRICS} == METRICS
    assert all(family.documentation for family in families)
    samples = [sample for family in families for sample in family.samples]
    reasons = {sample.labels["reason"] for sample in samples if sample.name == "tidegate_connections_closed_total"}
    assert reasons == set(CloseReason)
    states = [sample for sample in samples if sample.name == "tidegate_backend_state"]
    assert sorted((sample.labels["state"], sample.value) for sample in states) == [("down", 1), ("down", 1), ("up", 1)]
    assert len({(sample.name, *sorted(sample.labels.items())) for sample in samples}) == len(samples)


async def test_metrics_are_openmetrics_when_asked_for(proxy: Proxy) -> None:
    async with aiohttp.ClientSession() as http:
        accept = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"}
        async with http.get(f"{proxy.admin_url}/metrics", headers=accept) as response:
            assert response.headers["Content-Type"].startswith("application/openmetrics-text")
            text = await response.text()
        async with http.get(f"{proxy.admin_url}/metrics") as response:
            assert response.headers["Content-Type"].startswith("text/plain")
    assert text.endswith("# EOF\n")
    families = parse_openmetrics(text)  # type: ignore[no-untyped-call]
    names = {sample.name for family in families for sample in family.samples}
    assert set(METRICS) <= names


async def test_metrics_say_the_limits_that_there_are(proxy: Proxy) -> None:
    def limits(samples: dict[tuple[str, frozenset[tuple[str, str]]], float]) -> dict[str, float]:
        return {name: value for (name, _), value in samples.items() if name.endswith("_connections_limit")}

    unlimited = limits(await proxy.samples())
    assert set(unlimited) == {"tidegate_connections_limit"}, "no series where nothing limits but the system"
    command = ("prlimit", "--nofile=400:400")
    async with (
        running_backend(echo) as backend,
        running_proxy(
            BACKENDS=f"{backend.name} max_connections=7", MAX_CONNECTIONS=11, WORKERS=2, command=command
        ) as limited,
    ):
        assert limits(await limited.samples()) == {
            "tidegate_connections_limit": 2 * (400 - 128) / 2,
            "tidegate_listener_connections_limit": 11,
            "tidegate_backend_connections_limit": 7,
        }


async def test_readiness_says_why_not(proxy: Proxy, guarded: Proxy) -> None:
    assert orjson.loads((await proxy.get("/readyz"))[1]) == {"ready": True, "reasons": []}
    async with running_proxy(BACKENDS=f"127.0.0.1:{free_port()}", wait=False) as unready:
        await unready.event("backend_down")

        async def reasons() -> list[str]:
            status, body = await unready.get("/readyz")
            assert status == 503
            return list(orjson.loads(body)["reasons"])

        # Before the listener accepts, that is a reason too.
        await until(lambda: has_settled(reasons))
    assert orjson.loads((await guarded.get("/readyz"))[1])["ready"] is True


async def has_settled(reasons: Any) -> bool:
    return bool(await reasons() == ["pool default: 0 of at least 1 backends usable"])


async def test_connections_lists_sessions_with_all_their_fields(proxy: Proxy) -> None:
    client = await connect(proxy.port)
    assert await client.ask(b"12345") == b"12345"
    status, body = await proxy.get("/connections?pool=chat")
    (connection,) = orjson.loads(body)["connections"]
    assert set(connection) == {
        "id", "client", "listener", "pool", "backend", "age_seconds", "sent_bytes", "received_bytes", "idle_seconds",
        "peer", "pod", "node", "zone",
    }  # fmt: skip
    assert (status, connection["client"], connection["listener"]) == (200, client.address, "chat")
    assert (connection["sent_bytes"], connection["received_bytes"]) == (5, 5)
    for nothing in ("pool=spare", "backend=127.0.0.1:1"):
        assert orjson.loads((await proxy.get(f"/connections?{nothing}"))[1])["connections"] == []
    await client.finish()
    closed = await proxy.event("session_closed", client=client.address)
    assert closed["session"] == connection["id"], "the log calls it the same"


async def test_bytes_are_sent_to_a_backend_and_received_from_it_wherever_they_are_told() -> None:
    async with running_backend(answering_more) as backend, running_proxy(BACKENDS=backend.name) as proxy:
        client = await connect(proxy.port)
        client.writer.write(b"1234")
        assert await client.reader.readexactly(10) == b"0123456789"
        (connection,) = orjson.loads((await proxy.get("/connections"))[1])["connections"]
        assert (connection["sent_bytes"], connection["received_bytes"]) == (4, 10)
        await client.finish()
        closed = await proxy.event("session_closed")
        assert (closed["sent_bytes"], closed["received_bytes"]) == (4, 10)
        status = (await proxy.backends())[backend.name]
        assert (status["sent_bytes_total"], status["received_bytes_total"]) == (4, 10)
        row = next(csv.DictReader((await proxy.get("/status?format=csv"))[1].decode().splitlines()))
        assert (row["sent_bytes_total"], row["received_bytes_total"]) == ("4", "10")
        assert await proxy.metrics("tidegate_backend_sent_bytes_total", backend=backend.name) == 4
        assert await proxy.metrics("tidegate_backend_received_bytes_total", backend=backend.name) == 10


async def answering_more(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer four bytes with ten, and a probe with nothing."""
    if await reader.read(4):
        writer.write(b"0123456789")
    await reader.read()
    writer.close()


async def test_connections_answers_only_this_machine_unless_the_token_is_given(proxy: Proxy, guarded: Proxy) -> None:
    assert (await proxy.get("/connections"))[0] == 200
    assert (await proxy.get("/connections", Host="localhost:9000"))[0] == 200
    for name in ("evil.example", "evil.example:9000", "127.0.0.1.evil.example", "localhost.evil.example:80"):
        assert (await proxy.get("/connections", Host=name))[0] == 403, "a name bound to loopback by somebody else"
    assert (await guarded.get("/connections", Host="evil.example", Authorization=f"Bearer {TOKEN}"))[0] == 200
    for wrong in (f"Bearer {TOKEN}x", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, "Bearer \u00e9"):
        assert (await guarded.get("/connections", Host="evil.example", Authorization=wrong))[0] == 401
    for route in ("/status", "/metrics", "/", "/connections"):
        assert TOKEN not in (await guarded.get(route))[1].decode()


@pytest.mark.parametrize(
    "header",
    [
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Real-IP",
        "Via",
        "X-Envoy-External-Address",
    ],
)
async def test_what_a_sidecar_or_a_forwarder_passes_on_is_not_from_this_machine(proxy: Proxy, header: str) -> None:
    status, body = await proxy.get("/connections", **{header: "127.0.0.1"})
    assert status == 403
    assert "TIDEGATE_ADMIN_TOKEN" in body.decode()


async def test_a_token_is_required_on_this_machine_too(guarded: Proxy) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{guarded.admin_url}/connections") as response:
        assert (response.status, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    given = {"Authorization": f"bearer {TOKEN}"}
    assert (await guarded.get("/connections", **given))[0] == 200
    assert (await guarded.get("/connections", **given, Via="1.1 front", Host="tidegate.example"))[0] == 200, (
        "wherever it comes from"
    )


async def test_connections_is_closed_to_other_machines_without_the_token(guarded: Proxy) -> None:
    other = next((address for address in own_addresses() if not address.startswith("127.")), None)
    if other is None:
        pytest.skip("this machine has no address but loopback")
    url = f"http://{other}:{guarded.admin_port}"
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{url}/connections") as response:
            assert (response.status, response.headers["WWW-Authenticate"]) == (401, "Bearer")
        async with http.get(f"{url}/connections", headers={"Host": "127.0.0.1"}) as response:
            assert response.status == 401
        async with http.get(f"{url}/connections", headers={"Authorization": f"Bearer {TOKEN}"}) as response:
            assert response.status == 200
        async with http.get(f"{url}/status") as response:
            assert response.status == 200


def own_addresses() -> list[str]:
    """The address that this machine would use to talk to another; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            return []
        return [sock.getsockname()[0]]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(5000)) + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) + b"\r\n\r\n",
        b"POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\nConnection: close\r\n\r\n" + b"a" * 300_000,
    ],
    ids=["nonsense", "url", "header", "headers", "length", "smuggling", "version", "tls", "body"],
)
async def test_malformed_and_oversized_requests_get_4xx(proxy: Proxy, request_bytes: bytes) -> None:
    answer = await say(proxy.admin_port, request_bytes)
    assert 400 <= code(answer) < 500, answer[:200]
    assert b"Traceback" not in answer
    assert (await proxy.get("/healthz"))[0] == 200
    assert proxy.events("internal_error") == []


async def test_slow_and_idle_clients_never_keep_health_from_answering(proxy: Proxy) -> None:
    client = await connect(proxy.port)
    with ExitStack() as stack:
        for number in range(SLOW + IDLE):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", proxy.admin_port)))
            if number < SLOW:
                sock.sendall(b"GET /healthz HT")
        for _ in range(5):
            assert (await proxy.get("/healthz"))[0] == 200
            assert await client.ask(b"the data plane") == b"the data plane"
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):  # the last one is there still, and has no answer
            sock.recv(1)
        assert await proxy.metrics("process_open_fds") < SLOW + IDLE, "the quietest are closed when there are too many"
    await client.finish()


async def test_a_client_that_never_reads_its_answers_is_only_its_own_problem(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.admin_port)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500)
    before = await proxy.metrics("process_resident_memory_bytes")
    for _ in range(5):
        asked = monotonic()
        assert (await proxy.get("/healthz"))[0] == 200
        assert monotonic() - asked < UNREAD_TIMEOUT, "it is not waited for"
    assert await proxy.metrics("process_resident_memory_bytes") - before < 20e6
    writer.transport.abort()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(10**9)


async def test_a_client_that_resets_its_connection_before_the_answer_is_made_causes_no_error(proxy: Proxy) -> None:
    (worker,) = await proxy.worker_pids()
    os.kill(worker, signal.SIGSTOP)
    try:
        client = await connect(proxy.admin_port)
        client.writer.write(b"GET /connections HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await proxy.get("/healthz"))[0] == 200, "control has read the request by now"
        client.writer.get_extra_info("socket").setsockopt(*RESET_ON_CLOSE)
        client.writer.transport.abort()
        assert (await proxy.get("/healthz"))[0] == 200
    finally:
        os.kill(worker, signal.SIGCONT)
    assert (await proxy.get("/connections"))[0] == 200, "the worker has answered both"
    assert [line for line in proxy.log if line["level"] == "error"] == []


async def read_to_the_end(port: int, request_bytes: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_bytes)
    answer = await reader.read(-1)
    writer.close()
    return answer


async def test_an_answer_that_closes_the_connection_arrives_whole_and_ends_in_order(proxy: Proxy) -> None:
    for path in ("/healthz", "/metrics", "/", "/nowhere"):
        request_bytes = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
        head, _, body = (await read_to_the_end(proxy.admin_port, request_bytes)).partition(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        assert len(body) == int(length.partition(b":")[2]), path


@pytest.mark.parametrize("limit", ["0", "10001", "00000000199999999", "9" * 5000, "-1", "1_0", "²"])
async def test_no_limit_of_connections_is_beyond_the_limit(proxy: Proxy, limit: str) -> None:
    status, body = await proxy.get(f"/connections?limit={limit}")
    assert (status, b"valid are 1 to 10000" in body) == (400, True)


async def test_bytes_that_are_no_text_are_a_wrong_token(guarded: Proxy) -> None:
    head = b"GET /connections HTTP/1.1\r\nHost: example.org\r\nAuthorization: Bearer \xff\xfe\r\nConnection: close\r\n\r\n"
    assert (await read_to_the_end(guarded.admin_port, head)).startswith(b"HTTP/1.1 401")
    assert not guarded.events("internal_error")


async def test_a_request_that_names_no_host_is_not_taken_for_a_local_one(guarded: Proxy) -> None:
    assert (await read_to_the_end(guarded.admin_port, b"GET /connections HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 401")
