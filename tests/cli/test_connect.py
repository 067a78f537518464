"""`tidegate check --connect`: what the API server says to us before anything runs."""

from pathlib import Path
from typing import Any

import yaml

from tests.support.api_server import running_api_server, status
from tests.support.command import tidegate
from tests.support.slices import endpoint, endpoint_slice

WHERE = "endpointslices.discovery.k8s.io in the namespace chat"


async def test_an_api_server_that_lets_us_list_and_watch_is_said_below_the_effective_settings(tmp_path: Path) -> None:
    async with running_api_server() as server:
        await server.put(endpoint_slice("one", endpoint("10.0.0.1"), endpoint("10.0.0.2", ready=False)))
        variables: dict[str, Any] = {
            "KUBERNETES__SERVICE": "chat/socketio",
            "KUBERNETES__KUBECONFIG": server.kubeconfig(tmp_path / "config", user={"as": "reader"}),
        }
        done = await tidegate("check", "--connect", **variables)
        assert done.code == 0, done.errors
        assert [asked.impersonate for asked in server.asked] == [(("Impersonate-User", "reader"),)] * 2
        assert f"# pool default: may list {WHERE}: chat/socketio has 1 of them, 1 backends to use\n" in done.output
        assert f"# pool default: may watch {WHERE}\n" in done.output
        shown = yaml.safe_load(done.output)["pools"]["default"]
        assert shown["kubernetes"]["service"] == "chat/socketio"
        assert "backends" not in shown
        without = await tidegate("check", **variables)
        assert "may list" not in without.output


async def test_what_we_may_not_do_is_named_with_its_verb_resource_and_namespace(tmp_path: Path) -> None:
    async with running_api_server() as server:
        await server.put(endpoint_slice("one", endpoint("10.0.0.1")))
        server.standing["watch"] = status(403)
        variables: dict[str, Any] = {
            "KUBERNETES__SERVICE": "chat/socketio",
            "KUBERNETES__PORT": "ws",
            "KUBERNETES__KUBECONFIG": server.kubeconfig(tmp_path / "config"),
        }
        done = await tidegate("check", "--connect", **variables)
        assert done.code == 1
        assert f"# pool default: cannot watch {WHERE}: 403: we may not watch {WHERE}: give our account" in done.output
        assert "# no slice has the TCP port 'ws': expected one of http (8000)" in done.output
        await server.stop()
        gone = await tidegate("check", "--connect", **variables)
        assert gone.code == 1
        assert "cannot connect to the API server: connection refused" in gone.output


async def test_without_a_service_there_is_nothing_to_connect_to() -> None:
    done = await tidegate("check", "--connect", BACKENDS="127.0.0.1:1")
    assert done.code == 0
    assert "# no pool is a Service of Kubernetes" in done.output
