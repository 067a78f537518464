"""What `/metrics` answers is what Prometheus expects, in both formats."""

from typing import Any

import aiohttp
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.support.backends import echo, running_backend
from tests.support.clients import ask_all, clients
from tests.support.ports import free_port
from tests.support.prometheus import promtool
from tests.support.proxy import running_proxy

OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0"}


async def test_promtool_has_nothing_against_the_metrics_and_openmetrics_can_be_read() -> None:
    async with running_backend(echo) as backend:
        settings: dict[str, Any] = {
            "BACKENDS": f"{backend.name} max_connections=9, 127.0.0.1:{free_port()}",
            "MAX_CONNECTIONS": 9,
            "AFFINITY__TTL": "1m",
            "QUEUE__SIZE": 1,
        }
        async with running_proxy(**settings) as proxy, clients(proxy.port, 3) as connected:
            assert await ask_all(connected) == 3
            _, text = await proxy.get("/metrics")
            async with (
                aiohttp.ClientSession() as http,
                http.get(f"{proxy.admin_url}/metrics", headers=OPENMETRICS) as answer,
            ):
                open_text = await answer.text()
    assert await promtool("check", "metrics", given=text) == (0, "")
    families = list(text_string_to_metric_families(open_text))  # type: ignore[no-untyped-call]
    assert {"tidegate_backend_up", "tidegate_connect_duration_seconds"} <= {family.name for family in families}


async def test_promtool_would_have_something_against_metrics_of_a_bad_name() -> None:
    code, said = await promtool("check", "metrics", given=b"# TYPE tidegate_things counter\ntidegate_things 1\n")
    assert code != 0
    assert "counter metrics should have" in said
