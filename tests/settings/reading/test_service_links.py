"""The variables that kubelet sets for Services."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.settings.loading import load_settings
from tidegate.settings.reading.environment import Environment
from tidegate.settings.reading.names import ANY_NAME, CONFIG_FILE, leaves, variable_of
from tidegate.settings.reading.service_links import has_link_name

Ports = list[tuple[str, int, str]]


def links(service: str, address: str, ports: Ports) -> dict[str, str]:
    """What kubelet makes of a Service, for ports of name, number and protocol (`FromServices` in its `envvars`)."""
    prefix = service.upper().replace("-", "_")
    host = f"[{address}]" if ":" in address else address
    variables = {f"{prefix}_SERVICE_HOST": address, f"{prefix}_SERVICE_PORT": str(ports[0][1])}
    variables[f"{prefix}_PORT"] = f"{ports[0][2].lower()}://{host}:{ports[0][1]}"
    for name, number, protocol in ports:
        if name:
            variables[f"{prefix}_SERVICE_PORT_{name.upper().replace('-', '_')}"] = str(number)
        link = f"{prefix}_PORT_{number}_{protocol}"
        variables[link] = f"{protocol.lower()}://{host}:{number}"
        variables |= {f"{link}_PROTO": protocol.lower(), f"{link}_PORT": str(number), f"{link}_ADDR": address}
    return variables


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param(links("tidegate-chat", "10.96.12.7", [("", 8000, "TCP")]), id="one port"),
        pytest.param(links("tidegate", "10.96.12.7", [("web", 80, "TCP"), ("admin", 9000, "TCP")]), id="our own name"),
        pytest.param(links("tidegate-dns", "fd00:10:96::a", [("dns", 53, "UDP"), ("dns-tcp", 53, "TCP")]), id="IPv6"),
        pytest.param(links("tidegate-2--eu-1", "10.96.0.1", [("sig-1", 2905, "SCTP")]), id="digits and dashes"),
        pytest.param(links("tidegate-health", "10.96.0.1", [("port", 65535, "TCP")]), id="name of a part"),
        pytest.param(links("tidegate-admin", "10.96.0.1", [("admin", 9000, "TCP")]), id="name of a setting"),
        pytest.param(links("tidegate-pools--chat", "10.96.0.1", [("a--b", 1, "TCP")]), id="name like a pool's"),
        pytest.param(links("tidegate-service-port-80", "10.96.0.1", [("a", 1, "TCP")]), id="name like a link's"),
    ],
)
def test_what_kubelet_sets_for_a_service_is_ignored(variables: Mapping[str, str]) -> None:
    settings = load_settings({**variables, "TIDEGATE_BACKENDS": "10.0.0.5:8001"})
    assert settings == load_settings({"TIDEGATE_BACKENDS": "10.0.0.5:8001"})


LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
PORTS = st.lists(
    st.tuples(LABEL, st.integers(1, 65535), st.sampled_from(["TCP", "UDP", "SCTP"])),
    min_size=1,
    max_size=3,
)


@given(LABEL, st.ip_addresses().map(str), PORTS)
def test_no_service_disturbs_the_settings_whatever_its_name(name: str, address: str, ports: Ports) -> None:
    for service in ("tidegate", f"tidegate-{name}"):
        environment = Environment(links(service, address, ports))
        assert (environment.entries, environment.problems) == ([], [])


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("TIDEGATE_PORT", "8000", id="a port is no URL"),
        pytest.param("TIDEGATE_HEALTH_PORT", "8001", id="typo of HEALTH__PORT"),
        pytest.param("TIDEGATE_CHAT_PORT", "http://10.96.12.7:8000", id="URL of another scheme"),
        pytest.param("TIDEGATE_CHAT_PORT", "tcp://chat:8000", id="URL without an address"),
        pytest.param("TIDEGATE_CHAT_PORT", "tcp://10.96.12.7:0", id="URL without a port"),
        pytest.param("TIDEGATE_CHAT_SERVICE_HOST", "chat.example.com", id="host is a name"),
        pytest.param("TIDEGATE_CHAT_SERVICE_PORT", "http", id="port is a name"),
        pytest.param("TIDEGATE_CHAT_PORT_8000_TCP_PROTO", "http", id="another protocol"),
        pytest.param("TIDEGATE_CHAT_PORT_8000_HTTP", "tcp://10.96.12.7:8000", id="name of another protocol"),
        pytest.param("TIDEGATE_HEALTHY__PORT", "tcp://10.96.12.7:8000", id="no Service ends in a dash"),
        pytest.param("TIDEGATE_Chat_PORT", "tcp://10.96.12.7:8000", id="lower case"),
        pytest.param("TIDEGATE_BACKEND", "10.96.12.7:8000", id="another typo"),
    ],
)
def test_what_only_looks_like_it_is_refused(variable: str, value: str) -> None:
    (line,) = Environment({variable: value}).problems
    assert line.startswith(f"{variable}: unknown variable")


@pytest.mark.parametrize(
    "variable", ["TIDEGATE_HEALTH__PORT", "TIDEGATE_DNS__PORT", "TIDEGATE_POOLS__A_SERVICE_PORT_B__DNS__PORT"]
)
def test_a_setting_is_a_setting_whatever_its_value(variable: str) -> None:
    assert [entry.where for entry in Environment({variable: "8001"}).entries] == [variable]


def test_no_setting_has_the_name_of_a_service_link() -> None:
    assert all(map(has_link_name, links("tidegate-chat", "10.96.12.7", [("web", 8000, "TCP")])))
    settings = [variable_of(keys).replace(ANY_NAME, "CHAT") for keys in leaves()]
    assert [variable for variable in [*settings, CONFIG_FILE] if has_link_name(variable)] == []


def test_a_variable_with_a_long_name_is_refused_within_a_moment() -> None:
    (line,) = Environment({"TIDEGATE" + "_SERVICE_PORT_A" * 40_000 + "_": "1"}).problems
    assert "unknown variable" in line
