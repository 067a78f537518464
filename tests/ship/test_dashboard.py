"""The dashboard: what Grafana knows of it, and every query on a real Prometheus that scrapes two real Tidegates."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from time import time
from typing import Any

import pytest
import pytest_asyncio
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard as GrafanaDashboard

from tests.support.backends import echo, running_backend
from tests.support.clients import Client, connect
from tests.support.dns_server import running_dns_server
from tests.support.grafana import ALL, Dashboard, Query
from tests.support.named_pools import named_pools, port_of
from tests.support.ports import free_port, free_ports
from tests.support.prometheus import SCRAPE_INTERVAL, Labels, Prometheus, QueryError, running_prometheus
from tests.support.proxy import Proxy, running_proxy
from tests.support.waiting import until

NAME = "chat.default.svc.cluster.local."
COLUMNS = 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
NOT_IN_THE_SDK = {f"annotations.list.{key}" for key in ("titleFormat", "textFormat", "useValueForTime")}
"""Settings of an annotation that only the data source for Prometheus knows."""

NO_DATA = "#808080"

SINCE_THE_START = 60
PODS = {"tidegate-a": "127.0.7.1", "tidegate-b": "127.0.7.2"}
"""Where the clients of each connect: addresses on which no connection of another test can take the port of a listener."""
POOLS = ("chat", "full", "blind", "found")

dashboard = Dashboard()


@dataclass(frozen=True)
class Scraped:
    """A Prometheus that scrapes two instances, the names of a good and a dead backend, and the time of the start."""

    prometheus: Prometheus
    proxies: Sequence[Proxy]
    good: str
    dead: str
    started: float

    def choices(self) -> list[Mapping[str, Sequence[str]]]:
        """Of the variables: all of everything, one of each, and several of each."""
        instances = [f"127.0.0.1:{proxy.admin_port}" for proxy in self.proxies]
        return [
            dict.fromkeys(dashboard.variables, ALL),
            {
                "namespace": ["shop"],
                "job": ["tidegate"],
                "instance": instances,
                "pool": POOLS,
                "listener": POOLS,
            },
        ]

    async def ask(self, query: Query, chosen: Mapping[str, Sequence[str]]) -> list[tuple[Labels, float]]:
        """What a query of the dashboard returns now."""
        return await ask(self.prometheus, query, chosen)

    async def panel(self, title: str) -> list[list[tuple[Labels, float]]]:
        """What the queries of a panel return now, with all of everything."""
        everything = dict.fromkeys(dashboard.variables, ALL)
        return [await self.ask(query, everything) for query in dashboard.queries() if query.panel == title]


async def ask(prometheus: Prometheus, query: Query, chosen: Mapping[str, Sequence[str]]) -> list[tuple[Labels, float]]:
    """What a query of the dashboard returns now."""
    expression = dashboard.filled(query.expression, chosen, scrape_interval=SCRAPE_INTERVAL, seconds=SINCE_THE_START)
    if query.instant:
        return await prometheus.query(expression)
    return await prometheus.query_range(expression)


async def first_row(prometheus: Prometheus) -> dict[str, list[float]]:
    """The numbers of each panel that is one number, with all of everything, unless it has none."""
    everything = dict.fromkeys(dashboard.variables, ALL)
    titles = {panel["title"] for panel in dashboard.panels if panel["type"] == "stat"}
    shown: dict[str, list[float]] = {}
    for query in dashboard.queries():
        if query.panel in titles:
            for _, value in await ask(prometheus, query, everything):
                shown.setdefault(query.panel, []).append(value)
    return shown


def settings(host: str, good: Sequence[str], dead: str, blind: str, dns: dict[str, Any]) -> dict[str, Any]:
    """Pools in which everything happens that the dashboard shows."""
    pools: dict[str, dict[str, Any]] = {
        "chat": {"BACKENDS": ",".join((*good, dead)), "AFFINITY__TTL": "1m"},
        "full": {"BACKENDS": f"{good[0]} max_connections=1", "QUEUE__SIZE": 5, "QUEUE__TIMEOUT": "1m"},
        "blind": {
            "BACKENDS": f"{good[0]},{blind}",
            "BALANCE": "round_robin",
            "HEALTH__TYPE": "none",
            "OUTLIERS__FAILURES": 0,
        },
        "found": dns,
    }
    for pool in pools.values():
        pool.setdefault("HEALTH__TYPE", "tcp")
        if pool["HEALTH__TYPE"] == "tcp":
            pool |= {"HEALTH__INTERVAL": "200ms", "HEALTH__TIMEOUT": "200ms", "HEALTH__FALL": 2}
    ports = zip(POOLS, free_ports(len(POOLS), host), strict=True)
    binds = {f"LISTENERS__{name.upper()}__BIND": f"{host}:{port}" for name, port in ports}
    return named_pools(**pools) | binds | {"LISTENERS__FULL__MAX_CONNECTIONS": 2}


@asynccontextmanager
async def traffic(host: str, ports: Mapping[str, int]) -> AsyncIterator[None]:
    """One client that stays in each pool, one that waits, one that is turned away, and others that come and go."""
    staying: list[Client] = []
    ended = asyncio.Event()

    async def come_and_go(port: int) -> None:
        client = await connect(port, host=host)
        await client.ask(b"hello")
        await client.finish()

    async def knock(port: int) -> None:
        with suppress(ConnectionResetError):
            client = await connect(port, host=host)
            await client.end()
            await client.close()

    async def go_on() -> None:
        while not ended.is_set():
            await asyncio.gather(*(come_and_go(ports[name]) for name in ("chat", "blind", "found")), knock(ports["full"]))
            await asyncio.sleep(0.05)

    for name in ("chat", "blind", "found", "full"):
        staying.append(await connect(ports[name], host=host))
        await staying[-1].ask(b"here I stay")
    staying.append(await connect(ports["full"], host=host))  # waits in the queue
    task = asyncio.ensure_future(go_on())
    try:
        yield
    finally:
        ended.set()
        await task
        for client in staying:
            await client.close()


@asynccontextmanager
async def starting_proxy(admin_port: int, given: dict[str, Any]) -> AsyncIterator[Proxy]:
    """A proxy that has its admin routes on this port once it is ready."""
    async with running_proxy(wait=False, ADMIN=f"127.0.0.1:{admin_port}", **given) as proxy:
        proxy.admin_port = admin_port
        yield proxy


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scraped(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scraped]:
    """Two instances with the same pools, as two pods would be, the first with traffic."""
    started = time()
    async with AsyncExitStack() as stack:
        backends = [await stack.enter_async_context(running_backend(echo)) for _ in range(2)]
        server = await stack.enter_async_context(running_dns_server())
        server.ttl = 1
        server.set(NAME, "A", backends[0].host)
        dns = {"DNS__NAME": NAME, "DNS__PORT": backends[0].port, "DNS__RESOLVER": server.resolver}
        dead, blind = (f"127.0.0.1:{port}" for port in free_ports(2))
        names = [backend.name for backend in backends]
        given = [settings(host, names, dead, blind, dns) for host in PODS.values()]
        targets = {port: {"namespace": "shop", "pod": pod} for port, pod in zip(free_ports(len(PODS)), PODS, strict=True)}
        folder: Path = tmp_path_factory.mktemp("prometheus")
        # First of all, for it takes up its targets five seconds after its start.
        prometheus = await stack.enter_async_context(running_prometheus(folder, targets))
        proxies = [
            await stack.enter_async_context(starting_proxy(port, each)) for port, each in zip(targets, given, strict=True)
        ]
        for proxy in proxies:
            await proxy.ready()
        ports = {name: port_of(given[0], name) for name in POOLS}
        await stack.enter_async_context(traffic(PODS["tidegate-a"], ports))

        async def are_scraped() -> bool:
            return len(await prometheus.query("tidegate_build_info")) == len(PODS)

        await until(are_scraped, seconds=20)
        yield Scraped(prometheus, proxies, names[0], dead, started)


@pytest.mark.asyncio(loop_scope="module")
async def test_every_query_of_the_dashboard_returns_data(scraped: Scraped) -> None:
    waiting = {(str(query), number): query for query in dashboard.queries() for number, _ in enumerate(scraped.choices())}

    async def all_have_data() -> bool:
        for (name, number), query in list(waiting.items()):
            try:
                answer = await scraped.ask(query, scraped.choices()[number])
            except QueryError as error:
                raise AssertionError(f"{name}: {error}") from None
            if answer:
                del waiting[name, number]
        return not waiting

    try:
        await until(all_have_data, seconds=15)
    except AssertionError:
        if waiting:
            raise AssertionError(f"no data: {sorted(waiting)}") from None
        raise


@pytest.mark.asyncio(loop_scope="module")
async def test_the_first_row_says_whether_a_backend_is_bad_and_who_is_affected(scraped: Scraped) -> None:
    async def is_told() -> bool:
        # Up: chat has two, full and found one each, blind one that is and one that is believed to be.
        told = {"Instances": [2, 0], "Backends up": [6, 7], "Bad backends": [1], "Pools in trouble": [0]}
        shown = await first_row(scraped.prometheus)
        rates = [shown.get(title, [0]) for title in ("New sessions", "Connect failures", "Clients without a backend")]
        return told.items() <= shown.items() and all(rate > 0 for (rate,) in rates)

    await until(is_told)
    (sessions,) = (await first_row(scraped.prometheus))["Sessions now"]
    assert sessions >= len(POOLS), "those that stay"


async def test_where_no_tidegate_answers_the_first_row_says_that_and_nothing_else(tmp_path: Path) -> None:
    port = free_port()

    async with running_prometheus(tmp_path, {port: {}}) as prometheus:

        async def shown() -> dict[str, list[float]]:
            return await first_row(prometheus)

        async def is_scraped() -> bool:
            return bool(await prometheus.query("up == 0"))

        async def is_up() -> bool:
            now = await shown()
            return now.get("Instances") == [1, 0] and now.get("Backends up") == [0, 1] and now.get("Bad backends") == [1]

        async def is_down() -> bool:
            return await shown() == {"Instances": [0, 1]}

        await until(is_scraped, seconds=20)
        assert await shown() == {}, "there never was a Tidegate"
        async with running_proxy(wait=False, ADMIN=f"127.0.0.1:{port}", BACKENDS=f"127.0.0.1:{free_port()}"):
            await until(is_up, seconds=20)
        await until(is_down, seconds=20)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_table_names_the_bad_backend_its_state_and_since_when(scraped: Scraped) -> None:
    expected = {"namespace": "shop", "job": "tidegate", "pool": "chat", "backend": scraped.dead, "state": "down"}

    async def row() -> list[float]:
        columns = await scraped.panel("Which backend, since when, who is affected")
        is_one_row = [[labels for labels, _ in column] for column in columns] == [[expected]] * 4
        return [value for ((_, value),) in columns] if is_one_row else []

    async def is_seen_by_both() -> bool:
        return (await row())[:1] == [len(PODS)]

    await until(is_seen_by_both)
    _, since, sessions, _ = await row()
    assert scraped.started <= since / 1000 <= time()
    assert sessions == 0


@pytest.mark.asyncio(loop_scope="module")
async def test_the_timeline_shows_the_worst_state_of_each_backend(scraped: Scraped) -> None:
    panel = next(panel for panel in dashboard.panels if panel["type"] == "state-timeline")
    (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
    expected = {("chat", scraped.dead): "down", ("chat", scraped.good): "up", ("found", scraped.good): "up"}

    async def is_shown() -> bool:
        (answer,) = await scraped.panel(panel["title"])
        states = {
            (labels["pool"], labels["backend"]): mapping["options"][str(int(value))]["text"] for labels, value in answer
        }
        return expected.items() <= states.items()

    await until(is_shown)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_variables_offer_what_prometheus_knows(scraped: Scraped) -> None:
    everything = dict.fromkeys(dashboard.variables, ALL)
    offered = {}
    for name, variable in dashboard.variables.items():
        query = dashboard.filled(variable["query"]["query"], everything, scrape_interval=SCRAPE_INTERVAL, seconds=60)
        selector, _, label = query.removeprefix("label_values(").removesuffix(")").rpartition(", ")
        offered[name] = await scraped.prometheus.label_values(label, selector)
    assert offered == {
        "namespace": ["shop"],
        "job": ["tidegate"],
        "instance": sorted(f"127.0.0.1:{proxy.admin_port}" for proxy in scraped.proxies),
        "pool": sorted(POOLS),
        "listener": sorted(POOLS),
    }


@pytest.mark.asyncio(loop_scope="module")
async def test_a_real_prometheus_scrapes_without_a_complaint_and_evaluates_every_rule(scraped: Scraped) -> None:
    async def rules() -> list[dict[str, Any]]:
        return [rule for group in (await scraped.prometheus.get("rules"))["groups"] for rule in group["rules"]]

    async def all_are_evaluated() -> bool:
        return all(rule["health"] != "unknown" for rule in await rules())

    await until(all_are_evaluated)
    targets = (await scraped.prometheus.get("targets"))["activeTargets"]
    assert [(target["health"], target["lastError"]) for target in targets] == [("up", "")] * 2
    found = await rules()
    assert [(rule["name"], rule.get("lastError")) for rule in found if rule["health"] != "ok"] == []
    records = {rule["name"] for rule in found if rule["type"] == "recording"}

    async def are_recorded() -> bool:
        return {labels["__name__"] for labels, _ in await scraped.prometheus.query('{__name__=~".+:.+"}')} == records

    await until(are_recorded)

    async def is_pending() -> bool:
        alerts = (await scraped.prometheus.get("alerts"))["alerts"]
        down = [alert for alert in alerts if alert["labels"]["alertname"] == "TidegateBackendDown"]
        return [(alert["labels"]["backend"], alert["annotations"]["description"][:18]) for alert in down] == [
            (scraped.dead, "2 of 2 instances o")
        ]

    await until(is_pending)


def test_nothing_in_the_dashboard_is_unknown_to_grafana() -> None:
    register_default_plugins()
    known = json.loads(JSONEncoder(sort_keys=True).encode(GrafanaDashboard.from_json(dashboard.json)))
    assert set(lost(dashboard.json, known)) == NOT_IN_THE_SDK


def lost(given: Any, known: Any, path: str = "") -> list[str]:
    """The paths of what is missing or other in `known`."""
    if isinstance(given, dict) and isinstance(known, dict):
        inner = [lost(value, known.get(key), f"{path}.{key}" if path else key) for key, value in given.items()]
        return [found for paths in inner for found in paths]
    if isinstance(given, list) and isinstance(known, list) and len(given) == len(known):
        return [found for pair in zip(given, known, strict=True) for found in lost(*pair, path)]
    return [] if given == known else [path]


def test_every_panel_says_what_it_shows_in_which_unit_and_from_the_chosen_data_source() -> None:
    ids = [panel["id"] for panel in dashboard.json["panels"]]
    assert len(set(ids)) == len(ids)
    assert len({panel["title"] for panel in dashboard.panels}) == len(dashboard.panels)
    for panel in dashboard.panels:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
    text = json.dumps(dashboard.json)
    assert text.count('"datasource": ') == text.count(f'"datasource": {json.dumps(DATASOURCE)}')
    assert text.count('"datasource": ') > len(dashboard.panels)


def test_no_panel_lies_on_another_or_beside_the_screen() -> None:
    boxes = [panel["gridPos"] for panel in dashboard.json["panels"]]
    for box in boxes:
        assert box["x"] + box["w"] <= COLUMNS
    for one, other in combinations(boxes, 2):
        is_beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        is_above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert is_beside or is_above, (one, other)


def test_no_number_is_green_where_there_is_none() -> None:
    for panel in dashboard.panels:
        if panel["type"] == "stat":
            settings = panel["fieldConfig"]
            assert settings["defaults"]["noValue"] == "No data"
            inner = [each["value"] for override in settings["overrides"] for each in override["properties"]]
            for thresholds in (settings["defaults"]["thresholds"], *inner):
                assert thresholds["steps"][0]["value"] is None
                assert thresholds["steps"][0]["color"] in {"text", NO_DATA}, panel["title"]
        for query in panel["targets"]:
            assert "vector(" not in query["expr"], panel["title"]


def test_what_has_the_same_name_in_two_releases_is_two_series_that_can_be_told_apart() -> None:
    for panel in dashboard.panels:
        for query in panel["targets"]:
            for group in re.findall(r"by \(([\w, ]+)\) ", query["expr"]):
                labels = set(group.split(", "))
                assert labels in ({"le"}, {"pod", "instance"}) or {"namespace", "job"} <= labels, query["expr"]
                if panel["type"] in {"timeseries", "state-timeline"}:
                    assert set(re.findall(r"\{\{(\w+)\}\}", query["legendFormat"])) == labels - {"le"}, panel["title"]


def test_the_dashboard_stands_by_itself_without_the_recorded_series() -> None:
    for query in dashboard.queries():
        assert ":tidegate" not in query.expression, query
