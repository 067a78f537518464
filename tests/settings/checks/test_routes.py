"""Routes and the pools that they lead to."""

from pathlib import Path

import pytest
import yaml

from tidegate.settings.checks.problem import SettingsError
from tidegate.settings.loading import load_settings

TWO_POOLS = {"POOLS__CHAT__BACKENDS": "a:1", "POOLS__API__BACKENDS": "b:1"}


def problems(**variables: str) -> list[str]:
    try:
        load_settings({f"TIDEGATE_{name}": value for name, value in variables.items()})
    except SettingsError as error:
        return list(error.problems)
    return []


def test_a_pool_is_used_that_only_a_route_leads_to() -> None:
    listener = {"LISTENERS__WEB__BIND": "0.0.0.0:80", "LISTENERS__WEB__POOL": "chat"}
    assert problems(**TWO_POOLS, **listener, LISTENERS__WEB__ROUTES="host=api.example.com pool=api") == []
    assert problems(**TWO_POOLS, **listener) == [
        "TIDEGATE_POOLS__API__BACKENDS: no listener uses the pool api: give TIDEGATE_LISTENERS__API__BIND or remove the pool"
    ]


def test_a_route_to_an_unknown_pool_is_named() -> None:
    routes = "sni=a.example.com,b.example.com pool=default; host=api.example.com pool=apy"
    assert problems(BACKENDS="a:1", ROUTES=routes) == [
        "TIDEGATE_ROUTES: 'host=api.example.com pool=apy': no pool has the name apy: expected one of default"
    ]


@pytest.mark.parametrize("kind", ["smtp", "pop3", "imap", "mysql", "SMTP"])
def test_there_are_no_routes_where_clients_wait_for_the_server_to_speak(kind: str) -> None:
    assert problems(BACKENDS="a:1", HEALTH__TYPE=kind, ROUTES="host=a.example.com pool=default") == [
        f"TIDEGATE_ROUTES: 'host=a.example.com pool=default': servers of the pool default speak first ({kind.lower()}), "
        "so no client would send the first bytes that routes need"
    ]


def test_a_way_back_through_a_route_is_a_circle() -> None:
    (problem,) = problems(
        POOLS__CHAT__BACKENDS="a:1",
        POOLS__LOOP__BACKENDS="127.0.0.1:8000",
        LISTENERS__WEB__BIND="127.0.0.1:8000",
        LISTENERS__WEB__POOL="chat",
        LISTENERS__WEB__ROUTES="host=loop.example.com pool=loop",
    )
    assert problem.startswith("TIDEGATE_POOLS__LOOP__BACKENDS: 127.0.0.1:8000 is the listener web itself")


def test_an_unknown_key_of_a_route_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    routes = [{"sni": "a.example.com", "pool": "default", "colour": "red"}]
    (problem,) = file_problems(tmp_path, {"backends": "a:1", "routes": routes})
    assert problem.endswith("unknown key: valid are sni, alpn, host, path, pool")


def test_a_backend_of_a_pool_named_routes_is_told_the_keys_of_backends(tmp_path: Path) -> None:
    backends = [{"address": "a:1", "colour": "red"}]
    (problem,) = file_problems(
        tmp_path, {"listeners": {"routes": {"bind": "a:1"}}, "pools": {"routes": {"backends": backends}}}
    )
    assert problem.endswith("unknown key: valid are address, weight, max_connections, backup, no_check")


def test_a_wrong_version_of_the_header_is_told_once() -> None:
    assert problems(BACKENDS="a:1", SEND_PROXY_PROTOCOL="v3") == [
        "TIDEGATE_SEND_PROXY_PROTOCOL: 'v3': expected one of off, v1, v2"
    ]


def file_problems(folder: Path, tree: dict[str, object]) -> list[str]:
    path = folder / "tide.yaml"
    path.write_text(yaml.safe_dump(tree))
    return problems(CONFIG_FILE=str(path))
