"""The settings in use, and the way back from them."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.settings.effective import effective
from tidegate.settings.loading import load_settings
from tidegate.settings.model import Settings

FLAT = {"TIDEGATE_BACKENDS": "a:1 weight=2, [::1]:2 backup", "TIDEGATE_ADMIN_TOKEN": "correct-horse"}
CONNECTION = {
    "keepalive": {"idle": "1m", "interval": "15s", "count": 4},
    "receive_buffer": "0",
    "send_buffer": "0",
    "notsent_lowat": "0",
}
NAMED = {
    "TIDEGATE_LISTENERS__WEB__BIND": "0.0.0.0:80,[::1]:81",
    "TIDEGATE_LISTENERS__WEB__POOL": "chat",
    "TIDEGATE_POOLS__CHAT__BACKENDS": "a:1",
    "TIDEGATE_POOLS__CHAT__HEALTH__TYPE": "socketio",
    "TIDEGATE_LOG__FORMAT": "console",
}


def read_back(shown: Settings, folder: Path) -> Settings:
    tree = effective(shown)
    tree.pop("admin_token", None)
    path = folder / "tide.yaml"
    path.write_text(yaml.safe_dump(tree))
    return load_settings({"TIDEGATE_CONFIG_FILE": str(path)})


def test_every_default_is_shown() -> None:
    assert effective(load_settings(FLAT)) == {
        "listeners": {
            "default": {
                "bind": ["0.0.0.0:8000"],
                "pool": "default",
                "max_connections": 0,
                "max_connections_per_client": 0,
                "client_ipv6_prefix": 64,
                "accept_rate": 0,
                "accept_rate_per_client": 0,
                "proxy_protocol": {},
                "preface_timeout": "5s",
                "routes": [],
                **CONNECTION,
            }
        },
        "pools": {
            "default": {
                "backends": [
                    {"address": "a:1", "weight": 2, "max_connections": 0, "backup": False, "no_check": False},
                    {"address": "[::1]:2", "weight": 1, "max_connections": 0, "backup": True, "no_check": False},
                ],
                "dns": {"max_interval": "10s"},
                "balance": "least_connections",
                "slow_start": "0s",
                "health": {
                    "type": "tcp",
                    "interval": "3s",
                    "timeout": "1s",
                    "fast_interval": "3s",
                    "down_interval": "3s",
                    "rise": 2,
                    "fall": 5,
                    "max_concurrent": 500,
                    "skip_on_traffic": False,
                    "path": "/",
                    "send_proxy_protocol": "off",
                    "expect_status": "200-399",
                    "verify": True,
                },
                "outliers": {
                    "failures": 5,
                    "early_end": "1s",
                    "max_ejection": "5m",
                    "ejection": "30s",
                    "max_ejected_percent": 50,
                },
                "when_all_down": "close",
                "panic_threshold": 0,
                "connect_timeout": "5s",
                "connect_attempts": 3,
                "idle_timeout": "1h",
                "max_duration": "0s",
                "max_duration_jitter_percent": 10,
                "send_proxy_protocol": "off",
                "on_down": "keep",
                "on_removed": "keep",
                "on_primary_up": "keep",
                "close_window": "10s",
                "close_rate": 0,
                "rebalance": {"mode": "off", "rate": 10, "delay": "5s", "tolerance_percent": 5},
                "affinity": {"ttl": "0s", "max_clients": 10_000},
                "queue": {"size": 0, "timeout": "5s"},
                "hash": {"ipv4_prefix": 32, "ipv6_prefix": 128, "bounded_load": 0},
                "ready": {"min_backends": 1},
                **CONNECTION,
            }
        },
        "admin": "0.0.0.0:9000",
        "admin_token": "**********",
        "workers": 1,
        "drain": {"delay": "0s", "grace": "25s", "backend_grace": "0s"},
        "log": {"level": "info"},
        "buffer_size": "64KiB",
        "splice": "adaptive",
    }


DNS = {"TIDEGATE_DNS__NAME": "chat.", "TIDEGATE_DNS__PORT": "80", "TIDEGATE_DNS__RESOLVER": "[::1]:53"}


def test_of_the_sources_of_backends_the_one_in_use_is_shown() -> None:
    (pool,) = load_settings(DNS).pools.values()
    shown = effective(load_settings(DNS))["pools"]
    assert isinstance(shown, dict)
    assert "backends" not in shown["default"]
    assert shown["default"]["dns"] == {
        "name": "chat.",
        "type": "auto",
        "port": 80,
        "resolver": "[::1]:53",
        "timeout": "5s",
        "max_interval": "10s",
    }
    assert pool.source == "dns"


@pytest.mark.parametrize("environ", [FLAT, NAMED, DNS], ids=["flat", "named", "dns"])
def test_what_is_shown_gives_the_same_settings(tmp_path: Path, environ: dict[str, str]) -> None:
    shown = load_settings(environ).model_copy(update={"admin_token": None})
    assert read_back(shown, tmp_path) == shown


durations = st.integers(1, 2_592_000_000).map(lambda count: f"{count}ms")
environments = st.fixed_dictionaries(
    {
        "TIDEGATE_ACCEPT_RATE": st.integers(1, 1000).map(str),
        "TIDEGATE_BACKENDS": st.lists(st.integers(1, 65535), min_size=1, max_size=4, unique=True).map(
            lambda ports: ",".join(f"a:{port} weight={port}" for port in ports)
        ),
    },
    optional={
        "TIDEGATE_LISTEN": st.sampled_from(["[::]:80", "127.0.0.1:1,localhost:2"]),
        "TIDEGATE_BALANCE": st.sampled_from(["round_robin", "random_two"]),
        "TIDEGATE_HEALTH__TYPE": st.sampled_from(["http", "socketio", "none"]),
        "TIDEGATE_HEALTH__TIMEOUT": st.integers(1, 3000).map(lambda count: f"{count}ms"),
        "TIDEGATE_HEALTH__PATH": st.text(alphabet="/:#&*!'\"%@,?{}[]-~0a", max_size=8).map(lambda text: f"/{text}"),
        "TIDEGATE_HEALTH__HOST": st.sampled_from(["null", "true", "1:30", "0x10", "~", "chat"]),
        "TIDEGATE_HEALTH__EXPECT_STATUS": st.sampled_from(["200", "101,200-299"]),
        "TIDEGATE_HEALTH__ADDRESS": st.sampled_from(["10.0.0.1", "fd00::1"]),
        "TIDEGATE_HEALTH__PORT": st.integers(1, 65535).map(str),
        "TIDEGATE_CONNECT_TIMEOUT": durations,
        "TIDEGATE_DNS__MAX_INTERVAL": st.integers(1, 3600).map(str),
        "TIDEGATE_AFFINITY__TTL": durations,
        "TIDEGATE_AFFINITY__MAX_CLIENTS": st.integers(1, 100_000).map(str),
        "TIDEGATE_QUEUE__SIZE": st.integers(0, 100_000).map(str),
        "TIDEGATE_DENY": st.sampled_from(["10.0.0.0/8", "10.0.0.1,2001:db8::/32"]),
        "TIDEGATE_PROXY_PROTOCOL__FROM": st.just("10.0.0.0/8"),
        "TIDEGATE_ROUTES": st.sampled_from(["sni=*.A.example pool=default", "host=[::1],b path=/x pool=; alpn=h2 pool="]),
        "TIDEGATE_SEND_PROXY_PROTOCOL": st.sampled_from(["v1", "V2", "off"]),
        "TIDEGATE_MAX_CONNECTIONS": st.integers(0, 1000).map(str),
        "TIDEGATE_ACCEPT_BURST": st.integers(1, 1000).map(str),
        "TIDEGATE_IDLE_TIMEOUT": durations | st.just("0"),
        "TIDEGATE_DRAIN__DELAY": durations,
        "TIDEGATE_BUFFER_SIZE": st.integers(4096, 1 << 20).map(str),
        "TIDEGATE_WORKERS": st.sampled_from(["auto", "3"]),
        "TIDEGATE_READY__MIN_BACKENDS": st.sampled_from(["0", "1"]),
        "TIDEGATE_LOG__LEVEL": st.sampled_from(["debug", "ERROR"]),
        "TIDEGATE_LOG__FORMAT": st.sampled_from(["json", "console"]),
        "KUBERNETES_SERVICE_HOST": st.just("10.0.0.1"),
    },
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(environ=environments)
def test_any_settings_survive_being_shown_and_read(tmp_path: Path, environ: dict[str, str]) -> None:
    shown = load_settings(environ)
    assert read_back(shown, tmp_path) == shown


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(
    send=st.text(alphabet="a \\nrtx0f'\"#:-\u00e9\t", min_size=1).filter(str.strip),
    expect=st.sampled_from(["a(b|c)*$", "[#:]"]),
)
def test_what_is_sent_and_expected_survives_being_shown_and_read(tmp_path: Path, send: str, expect: str) -> None:
    escaped = send.replace("\\", "\\\\")
    health = {"TYPE": "send_expect", "SEND": escaped, "EXPECT_REGEX": expect}
    shown = load_settings({"TIDEGATE_BACKENDS": "a:1", **{f"TIDEGATE_HEALTH__{key}": text for key, text in health.items()}})
    assert shown.pools["default"].health.send == send.encode()
    assert read_back(shown, tmp_path) == shown
