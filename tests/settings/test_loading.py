"""From variables and a file to settings, or to all that is wrong with them."""

import traceback
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.core.address import Address
from tidegate.core.limits import MOST_LISTENERS, MOST_POOLS
from tidegate.settings.checks.problem import SettingsError
from tidegate.settings.loading import load_settings
from tidegate.settings.model import Settings
from tidegate.settings.reading.names import ANY_NAME, leaves, variable_of
from tidegate.settings.words import Balance, HealthType, LogFormat


def problems_of(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def file_with(folder: Path, text: str) -> dict[str, str]:
    (folder / "tide.yaml").write_text(text)
    return {"TIDEGATE_CONFIG_FILE": str(folder / "tide.yaml")}


def test_backends_alone_are_enough() -> None:
    settings = load_settings({"TIDEGATE_BACKENDS": "10.0.0.5:8001"})
    assert settings.listeners["default"].addresses == (Address("0.0.0.0", 8000),)
    assert settings.listeners["default"].pool == "default"
    assert settings.pools["default"].backends[0].address == Address("10.0.0.5", 8001)
    assert (settings.workers, settings.buffer_size, settings.log.format) == (1, 65536, None)


def test_the_flat_form_and_named_pools_live_together() -> None:
    settings = load_settings(
        {
            "TIDEGATE_BACKENDS": "a:1",
            "TIDEGATE_LISTENERS__DB__BIND": "0.0.0.0:6379",
            "TIDEGATE_POOLS__DB__BACKENDS": "redis:6379",
            "TIDEGATE_POOLS__DB__BALANCE": "source_hash",
            "TIDEGATE_LOG__FORMAT": "console",
        }
    )
    assert {name: listener.pool for name, listener in settings.listeners.items()} == {"db": "db", "default": "default"}
    assert settings.pools["db"].balance is Balance.SOURCE_HASH
    assert settings.log.format is LogFormat.CONSOLE


def test_the_drain_delay_depends_on_kubernetes_unless_it_is_given() -> None:
    inside = {"TIDEGATE_BACKENDS": "a:1", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    assert load_settings(inside).drain.delay == 5.0
    assert load_settings({**inside, "TIDEGATE_DRAIN__DELAY": "1s"}).drain.delay == 1.0
    assert load_settings({"TIDEGATE_BACKENDS": "a:1"}).drain.delay == 0.0


def test_the_environment_wins_over_the_file_key_by_key(tmp_path: Path) -> None:
    environ = file_with(tmp_path, "backends: [a:1, b:1]\nhealth: {type: http, interval: 9}\nworkers: 2\n")
    settings = load_settings({**environ, "TIDEGATE_HEALTH__TYPE": "tcp", "TIDEGATE_BACKENDS": "c:1"})
    pool = settings.pools["default"]
    assert (pool.health.type, pool.health.interval) == (HealthType.TCP, 9.0)
    assert [str(backend.address) for backend in pool.backends] == ["c:1"]
    assert settings.workers == 2


def test_the_file_and_the_variables_hold_the_same_tree(tmp_path: Path) -> None:
    text = "pools:\n  chat:\n    backends: a:1 weight=2\n    idle_timeout: 0\nlisteners:\n  chat: {bind: '[::]:80'}\n"
    variables = {
        "TIDEGATE_POOLS__CHAT__BACKENDS": "a:1 weight=2",
        "TIDEGATE_POOLS__CHAT__IDLE_TIMEOUT": "0",
        "TIDEGATE_LISTENERS__CHAT__BIND": "[::]:80",
    }
    assert load_settings(file_with(tmp_path, text)) == load_settings(variables)


def test_a_file_may_say_a_thing_once_and_use_it_again(tmp_path: Path) -> None:
    text = "pools:\n  a: {backends: 'a:1', health: &health {type: http}}\n  b: {backends: 'b:1', health: *health}\n"
    environ = file_with(tmp_path, f"{text}listeners:\n  a: {{bind: '[::]:80'}}\n  b: {{bind: '[::]:81'}}\n")
    assert [pool.health.type for pool in load_settings(environ).pools.values()] == [HealthType.HTTP, HealthType.HTTP]


def test_empty_variables_are_not_given() -> None:
    environ = {"TIDEGATE_BACKENDS": "a:1", "TIDEGATE_BALANCE": "", "TIDEGATE_CONFIG_FILE": "", "TIDEGATE_ADMIN_TOKEN": ""}
    assert load_settings(environ) == load_settings({"TIDEGATE_BACKENDS": "a:1"})


def test_without_anything_the_backends_are_missing() -> None:
    assert problems_of({}) == (
        "TIDEGATE_BACKENDS: no backends: give a comma list of host:port or unix:/path, "
        "like 10.0.0.5:8001 weight=2, 10.0.0.6:8001 backup, "
        "or dns.name or kubernetes.service",
    )


def test_everything_that_is_wrong_is_reported_at_once() -> None:
    environ = {
        "TIDEGATE_LISTEN": ":8000, 0.0.0.0:9000",
        "TIDEGATE_BACKENDS": "a:1 wieght=3, b:70000, c:1 weight=0",
        "TIDEGATE_BALANCE": "fist",
        "TIDEGATE_HEALTH__TYPE": "ldap",
        "TIDEGATE_HEALTH": "tcp",
        "TIDEGATE_WORKERS": "many",
        "TIDEGATE_TYPO": "x",
        "TIDEGATE_POOLS__DB__BACKENDS": "d:1",
        "TIDEGATE_POOLS__DB__READY__MIN_BACKENDS": "2",
    }
    starts = [
        "TIDEGATE_HEALTH: this holds several settings: give TIDEGATE_HEALTH__TYPE",
        "TIDEGATE_TYPO: unknown variable: ",
        "TIDEGATE_LISTEN: ':8000': expected an address before the port: 0.0.0.0:8000 for IPv4 or [::]:8000 for IPv6",
        "TIDEGATE_BACKENDS: 'a:1 wieght=3': unknown option 'wieght=3': "
        "expected weight=N, max_connections=N, backup or no_check",
        "TIDEGATE_BACKENDS: 'b:70000': address: port '70000' is not a number from 1 to 65535",
        "TIDEGATE_BACKENDS: 'c:1 weight=0': weight: expected a whole number from 1 to 65535",
        "TIDEGATE_BALANCE: 'fist': expected one of round_robin, least_connections, least_latency, random_two, first, ",
        "TIDEGATE_HEALTH__TYPE: 'ldap': expected one of tcp, tls, http, https, websocket, socketio, ",
        "TIDEGATE_POOLS__DB__READY__MIN_BACKENDS: '2': the pool has fewer backends than that: expected at most 1",
        "TIDEGATE_WORKERS: 'many': expected a whole number from 1 to 64 or auto",
        "TIDEGATE_POOLS__DB__BACKENDS: no listener uses the pool db: give TIDEGATE_LISTENERS__DB__BIND",
        "TIDEGATE_LISTEN: '0.0.0.0:9000': it overlaps with 0.0.0.0:9000 of TIDEGATE_ADMIN: give another address",
    ]
    problems = problems_of(environ)
    assert [line[: len(start)] for line, start in zip(problems, starts, strict=True)] == starts


def test_problems_of_a_file_name_the_line_and_the_key(tmp_path: Path) -> None:
    text = (
        "pools:\n  chat:\n    backends:\n    - a:1\n    - {address: b:1, weight: true, wieght: x}\n    balance: x\n  db:\n"
    )
    problems = [line.replace(f"{tmp_path}/", "") for line in problems_of(file_with(tmp_path, text))]
    assert problems == [
        "tide.yaml:5 pools.chat.backends[1].weight: 'true': expected a whole number from 1 to 65535",
        "tide.yaml:5 pools.chat.backends[1].wieght: unknown key: "
        "valid are address, weight, max_connections, backup, no_check",
        "tide.yaml:6 pools.chat.balance: 'x': expected one of "
        "round_robin, least_connections, least_latency, random_two, first, source_hash",
        "tide.yaml:7 pools.db.backends: no backends: give a comma list of host:port or unix:/path, "
        "like 10.0.0.5:8001 weight=2, 10.0.0.6:8001 backup, "
        "or dns.name or kubernetes.service",
        "TIDEGATE_LISTENERS__<NAME>__BIND: no listener: give at least one for the pools chat, db",
    ]


def test_milliseconds_without_their_unit_are_refused_wherever_they_are_written(tmp_path: Path) -> None:
    text = (
        "pools:\n  chat:\n    backends: a:1\n    connect_timeout: 5000\n    health:\n      interval: 3000\n"
        "      timeout: '1000'\n      fast_interval: 1000\n      down_interval: 3000.0\n    queue: {timeout: 3600}\n"
    )
    environ = file_with(tmp_path, text)
    file = environ["TIDEGATE_CONFIG_FILE"]
    variables = {"TIDEGATE_BACKENDS": "a:1", "TIDEGATE_CONNECT_TIMEOUT": "3000", "TIDEGATE_LISTENERS__CHAT__BIND": "[::]:1"}
    assert problems_of({**environ, **variables, "TIDEGATE_IDLE_TIMEOUT": "3600"}) == (
        *(
            f"{file}:{line} pools.chat.{key}: '{value}': {value} is {words}"
            for line, key, value, words in [
                (6, "health.interval", "3000", "50 minutes: write 3000ms or 50m"),
                (7, "health.timeout", "1000", "about 17 minutes: write 1000ms or 1000s"),
                (8, "health.fast_interval", "1000", "about 17 minutes: write 1000ms or 1000s"),
                (9, "health.down_interval", "3000.0", "50 minutes: write 3000.0ms or 50m"),
                (4, "connect_timeout", "5000", "about 83 minutes: write 5000ms or 5000s"),
                (10, "queue.timeout", "3600", "60 minutes: write 3600ms or 1h"),
            ]
        ),
        "TIDEGATE_CONNECT_TIMEOUT: '3000': 3000 is 50 minutes: write 3000ms or 50m",
    )


def test_of_many_problems_a_hundred_are_listed_and_the_others_counted(tmp_path: Path) -> None:
    environ = file_with(tmp_path, "backends: a:1\n" + "".join(f"balance_{number}: first\n" for number in range(1000)))
    problems = problems_of({**environ, **{f"TIDEGATE_BALANCE_{number}": "first" for number in range(2000)}})
    assert len(problems) == 101
    assert problems[0] == "TIDEGATE_BALANCE_0: unknown variable: did you mean TIDEGATE_BALANCE?"
    assert problems[-1] == "and 2900 more problems"


def test_many_values_that_are_wrong_are_counted_too(tmp_path: Path) -> None:
    problems = problems_of(file_with(tmp_path, "backends:\n" + "- nothing\n" * 4000))
    assert problems[0].startswith(f"{tmp_path}/tide.yaml:2 backends[0]: 'nothing'")
    assert (len(problems), problems[-1]) == (101, "and 3900 more problems")


def test_too_many_listeners_and_pools_are_one_problem_each() -> None:
    names = [f"A{number}" for number in range(2000)]
    listeners = {f"TIDEGATE_LISTENERS__{name}__BIND": "nothing" for name in names}
    assert problems_of({**listeners, **{f"TIDEGATE_POOLS__{name}__BALANCE": "nothing" for name in names}}) == (
        f"TIDEGATE_LISTENERS: 2000 listeners: expected at most {MOST_LISTENERS}",
        f"TIDEGATE_POOLS: 2000 pools: expected at most {MOST_POOLS}",
    )


def test_a_broken_file_does_not_hide_what_is_wrong_with_variables() -> None:
    problems = problems_of({"TIDEGATE_CONFIG_FILE": "/nowhere.yaml", "TIDEGATE_WORKERS": "0"})
    assert problems == (
        "TIDEGATE_CONFIG_FILE: '/nowhere.yaml': cannot be read: No such file or directory",
        "TIDEGATE_WORKERS: '0': expected a whole number from 1 to 64 or auto",
    )


def test_a_secret_is_never_shown_even_in_a_traceback(tmp_path: Path) -> None:
    file = file_with(tmp_path, "admin_token: [hunter2]\n")
    for environ in ({"TIDEGATE_ADMIN_TOKEN": "hunter2"}, {"TIDEGATE_ADMIN_TOKN": "hunter2"}, file):
        with pytest.raises(SettingsError) as caught:
            load_settings(environ)
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))


ANY_INPUT = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


def loads_or_explains(environ: dict[str, str]) -> None:
    problems: tuple[str, ...] = ()
    loaded: Settings | None = None
    try:
        loaded = load_settings(environ)
    except SettingsError as error:
        problems = error.problems
    assert (loaded is None) == bool(problems)
    assert all(line.isprintable() and 10 < len(line) < 2000 for line in problems)


NAMES = [variable_of(tuple("chat" if key == ANY_NAME else key for key in keys)) for keys in leaves()]
VALUES = st.sampled_from(["a:1", "chat", "3", "0", "-1", "1e9", "nan", "tcp", "auto", ",", "\0", "\ud800", "*:1"])


@ANY_INPUT
@given(st.dictionaries(st.sampled_from(NAMES), VALUES | st.text(max_size=20), max_size=8))
def test_any_values_are_loaded_or_explained(environ: dict[str, str]) -> None:
    loads_or_explains(environ)


@ANY_INPUT
@given(st.dictionaries(st.text(max_size=30).map(lambda text: f"TIDEGATE_{text}"), st.text(max_size=20), max_size=4))
def test_any_variables_are_loaded_or_explained(environ: dict[str, str]) -> None:
    loads_or_explains(environ)


KEYS = st.sampled_from(["chat", "bind", *{key for keys in leaves() for key in keys if key != ANY_NAME}])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["a:1", "chat", "tcp", "", "3s"])
TREES = st.recursive(
    SCALARS | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@ANY_INPUT
@given(tree=st.dictionaries(KEYS, TREES, max_size=5))
def test_any_tree_in_a_file_is_loaded_or_explained(tmp_path: Path, tree: dict[str, object]) -> None:
    loads_or_explains(file_with(tmp_path, yaml.safe_dump(tree)))


@ANY_INPUT
@given(content=st.binary(max_size=100))
def test_any_bytes_in_a_file_are_loaded_or_explained(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tide.yaml").write_bytes(content)
    loads_or_explains({"TIDEGATE_CONFIG_FILE": str(tmp_path / "tide.yaml")})
