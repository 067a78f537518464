"""What is filled in."""

import pytest

from tidegate.settings.derived_defaults import default_entries
from tidegate.settings.loading import load_settings
from tidegate.settings.reading.entry import GivenEntries
from tidegate.settings.reading.environment import Environment


def defaults_for(variables: dict[str, str], *, in_kubernetes: bool = False) -> dict[str, object]:
    given = GivenEntries(Environment({f"TIDEGATE_{name}": value for name, value in variables.items()}).entries)
    entries = default_entries(given, in_kubernetes=in_kubernetes)
    return {".".join(map(str, entry.path)): entry.value for entry in entries}


DEFAULT_LISTENER = {"listeners.default.bind": "0.0.0.0:8000", "listeners.default.pool": "default"}


@pytest.mark.parametrize(
    ("variables", "filled_in"),
    [
        pytest.param({}, {"pools.default.backends": "", **DEFAULT_LISTENER}, id="nothing"),
        pytest.param({"BACKENDS": "a:1"}, DEFAULT_LISTENER, id="flat pool"),
        pytest.param({"POOLS__DEFAULT__BACKENDS": "a:1"}, DEFAULT_LISTENER, id="default pool by name"),
        pytest.param(
            {"LISTEN": "[::]:1"}, {"pools.default.backends": "", "listeners.default.pool": "default"}, id="flat listener"
        ),
        pytest.param({"BACKENDS": "a:1", "ACCEPT_RATE": "9"}, DEFAULT_LISTENER, id="flat limit of the listener"),
        pytest.param(
            {"POOLS__CHAT__BACKENDS": "a:1", "MAX_CONNECTIONS": "9"},
            {"pools.default.backends": "", **DEFAULT_LISTENER},
            id="flat limit with a named pool",
        ),
        pytest.param({"POOLS__CHAT__BACKENDS": "a:1"}, {}, id="named pool"),
        pytest.param(
            {"POOLS__CHAT__BACKENDS": "a:1", "LISTENERS__CHAT__BIND": "a:2"},
            {"listeners.chat.pool": "chat"},
            id="named listener",
        ),
        pytest.param(
            {"BACKENDS": "a:1", "LISTENERS__DEFAULT__BIND": "a:2"},
            {"listeners.default.pool": "default"},
            id="default listener by name",
        ),
        pytest.param(
            {"POOLS__CHAT__BACKENDS": "a:1", "LISTEN": "a:2"},
            {"pools.default.backends": "", "listeners.default.pool": "default"},
            id="flat listener with a named pool",
        ),
    ],
)
def test_the_default_listener_exists_with_the_default_pool(variables: dict[str, str], filled_in: dict[str, object]) -> None:
    assert defaults_for(variables) == filled_in


def test_the_drain_is_delayed_inside_kubernetes() -> None:
    assert defaults_for({"BACKENDS": "a:1"}, in_kubernetes=True)["drain.delay"] == "5s"


def test_probes_send_the_header_of_the_pool_unless_they_are_told_otherwise() -> None:
    health = load_settings({"TIDEGATE_BACKENDS": "a:1", "TIDEGATE_SEND_PROXY_PROTOCOL": "v2"}).pools["default"].health
    assert health.send_proxy_protocol == "v2"
    told = {"TIDEGATE_SEND_PROXY_PROTOCOL": "v2", "TIDEGATE_HEALTH__SEND_PROXY_PROTOCOL": "off"}
    assert load_settings({"TIDEGATE_BACKENDS": "a:1", **told}).pools["default"].health.send_proxy_protocol == "off"
