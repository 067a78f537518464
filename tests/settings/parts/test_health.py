"""Active checks of a pool."""

from pathlib import Path

import pytest
import trustme
from pydantic import ValidationError

from tidegate.settings.checks.problem import SettingsError
from tidegate.settings.effective import effective
from tidegate.settings.loading import load_settings
from tidegate.settings.parts.health import HealthSettings
from tidegate.settings.words import HealthType


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"type": "http"}, "/"),
        ({"type": "socketio"}, "/socket.io/"),
        ({}, "/"),
        ({"type": "socketio", "path": "/chat/"}, "/chat/"),
    ],
)
def test_the_usual_path_depends_on_the_type(given: dict[str, object], path: str) -> None:
    assert HealthSettings.model_validate(given).path == path


def test_the_defaults_are_those_of_the_contract() -> None:
    health = HealthSettings()
    assert (health.type, health.interval, health.timeout) == (HealthType.TCP, 3.0, 1.0)
    assert (health.rise, health.fall, health.port, health.host) == (2, 5, None, None)
    assert str(health.expect_status) == "200-399"
    assert (health.initial, health.max_concurrent, health.skip_on_traffic) == (None, 500, False)


@pytest.mark.parametrize("given", [{}, {"interval": "10s"}, {"interval": "7s", "timeout": "2s"}, {"interval": "10m"}])
def test_the_other_intervals_are_by_default_the_interval(given: dict[str, object]) -> None:
    health = HealthSettings.model_validate(given)
    assert health.fast_interval == health.down_interval == health.interval


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fast_interval": "500ms"}, "shorter than the timeout: expected at least 1s"),
        ({"down_interval": "999ms"}, "shorter than the timeout: expected at least 1s"),
        ({"timeout": "2s", "fast_interval": "1s"}, "shorter than the timeout: expected at least 2s"),
        ({"fast_interval": "4s"}, "longer than the interval: expected at most 3s"),
        ({"interval": "1s", "fast_interval": "1001ms"}, "longer than the interval: expected at most 1s"),
    ],
)
def test_intervals_that_do_not_fit_together_are_refused_by_name(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        HealthSettings.model_validate(given)
    (error,) = [error for error in caught.value.errors() if error["type"] == "value_error"]
    assert error["loc"][0] == next(name for name in given if name in {"fast_interval", "down_interval"})
    assert error["msg"].endswith(message)


def test_a_backend_that_is_down_may_be_asked_more_seldom_or_more_often() -> None:
    for interval in ("1s", "60s"):
        assert HealthSettings.model_validate({"down_interval": interval}).interval == 3


@pytest.mark.parametrize("given", [{"timeout": "4s"}, {"interval": "500ms"}], ids=["timeout", "default timeout"])
def test_a_timeout_longer_than_the_interval_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="is longer than the interval: expected at most"):
        HealthSettings.model_validate(given)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("type", "ldap"),
        ("rise", "0"),
        ("fall", "0"),
        ("fast_interval", "0"),
        ("down_interval", "-1s"),
        ("initial", "down"),
        ("max_concurrent", "0"),
        ("max_concurrent", "4097"),
        ("skip_on_traffic", "maybe"),
        ("port", "65536"),
        ("path", "chat"),
        ("path", "/a b"),
        ("path", "/a\r\nb"),
        ("host", "a\tb"),
        ("host", "a\x00"),
        ("interval", "0"),
        ("timeout", "nan"),
        ("expect_status", "ok"),
        ("address", "chat.internal"),
        ("address", "10.0.0"),
        ("verify", "maybe"),
        ("server_name", "a b"),
        ("server_name", ""),
        ("service", "a b"),
        ("user", "a b"),
    ],
)
def test_values_out_of_bounds_are_refused(key: str, value: str) -> None:
    with pytest.raises(ValidationError):
        HealthSettings.model_validate({key: value})


SEND_EXPECT = {"type": "send_expect", "expect": "OK"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"expect": "OK"}, "checks of type tcp have no expect: expected it only with send_expect"),
        (
            {"type": "http", "expect_regex": "OK"},
            "checks of type http have no expect_regex: expected it only with send_expect",
        ),
        ({"type": "redis", "send": "PING"}, "checks of type redis have no send: expected it only with send_expect"),
        (
            {"type": "postgres", "password": "secret"},
            "checks of type postgres have no password: expected it only with redis",
        ),
        ({"type": "http", "verify": "false"}, "checks of type http have no verify: expected it only with tls and https"),
        ({"type": "tcp", "server_name": "a"}, "checks of type tcp have no server_name: expected it only with tls and https"),
        (
            {"type": "smtp", "user": "a"},
            "checks of type smtp have no user: expected it only with redis and postgres and mysql",
        ),
        (
            {"type": "redis", "headers": "X-A: 1"},
            "checks of type redis have no headers: expected it only with http and https and websocket and socketio and grpc",
        ),
        ({"type": "tcp", "service": "a"}, "checks of type tcp have no service: expected it only with grpc"),
        ({"type": "send_expect"}, "send_expect has nothing to expect: give expect or expect_regex"),
        ({**SEND_EXPECT, "expect_regex": "OK"}, "expect is given, too: expected only one of expect and expect_regex"),
        ({"type": "redis", "user": "probe"}, "a user without a password: expected the password, too"),
        ({"type": "send_expect", "expect_regex": "a("}, "not a regular expression: missing )"),
        ({"type": "send_expect", "expect_regex": "x" * 1001}, "expected a regular expression of 1 to 1000 characters"),
        ({**SEND_EXPECT, "send": r"PING\q"}, r"\\q is not an escape: expected \\r, \\n, \\t, "),
        ({**SEND_EXPECT, "send": r"\x0"}, r"\\x is not an escape"),
        ({**SEND_EXPECT, "send": "x" * 4097}, "expected text of 1 to 4096 bytes"),
        ({"type": "redis", "password": "a\nb"}, "expected 1 to 512 printable characters"),
        ({"type": "redis", "password": "**********"}, "this is the mask that stands for a password"),
    ],
)
def test_what_does_not_fit_together_or_cannot_be_read_is_refused_with_what_would_be_right(
    given: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError, match=message.replace("(", r"\(").replace(")", r"\)").replace("*", r"\*")):
        HealthSettings.model_validate(given)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        ("no certificate", "has no certificate that can be read"),
        ("x" * (1 << 20) + "x", "too large: expected at most 1MiB"),
    ],
)
def test_a_ca_file_that_cannot_be_used_is_refused_at_start(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValidationError, match=message):
        HealthSettings.model_validate({"type": "https", "ca_file": str(path)})
    with pytest.raises(ValidationError, match="not a regular file"):
        HealthSettings.model_validate({"type": "https", "ca_file": str(tmp_path)})


def test_a_ca_file_may_have_as_much_as_is_said(tmp_path: Path) -> None:
    path, certificate = tmp_path / "ca.pem", trustme.CA().cert_pem.bytes()
    path.write_bytes(certificate + b"#" * ((1 << 20) - len(certificate)))
    HealthSettings.model_validate({"type": "https", "ca_file": str(path)})


def test_a_ca_file_for_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(trustme.CA().cert_pem.bytes())
    HealthSettings.model_validate({"type": "https", "ca_file": str(path)})
    with pytest.raises(ValidationError, match="nothing is verified"):
        HealthSettings.model_validate({"type": "https", "verify": False, "ca_file": str(path)})


def test_a_wrong_setting_is_named_with_its_value_but_a_password_is_never_shown() -> None:
    backends = {"TIDEGATE_BACKENDS": "a:1"}
    with pytest.raises(SettingsError) as caught:
        load_settings({**backends, "TIDEGATE_HEALTH__PASSWORD": "s3cret", "TIDEGATE_HEALTH__EXPECT_REGEX": "a("})
    expression, password = sorted(caught.value.problems)
    assert expression.startswith("TIDEGATE_HEALTH__EXPECT_REGEX: 'a(': not a regular expression: ")
    assert password == "TIDEGATE_HEALTH__PASSWORD: checks of type tcp have no password: expected it only with redis"
    settings = load_settings({**backends, "TIDEGATE_HEALTH__TYPE": "redis", "TIDEGATE_HEALTH__PASSWORD": "s3cret"})
    assert "s3cret" not in f"{settings!r} {effective(settings)}"


@pytest.mark.parametrize("headers", ["Authorization: Bearer s3cret\r\nX: y", "Authorization Bearer s3cret", "Host: s3cret"])
def test_the_values_of_headers_are_never_shown(headers: str) -> None:
    health = {"TIDEGATE_BACKENDS": "a:1", "TIDEGATE_HEALTH__TYPE": "http"}
    with pytest.raises(SettingsError) as caught:
        load_settings({**health, "TIDEGATE_HEALTH__HEADERS": headers})
    assert "s3cret" not in str(caught.value)
    assert "TIDEGATE_HEALTH__HEADERS: " in str(caught.value)
    settings = load_settings({**health, "TIDEGATE_HEALTH__HEADERS": "Authorization: Bearer s3cret"})
    assert "s3cret" not in f"{settings!r} {effective(settings)}"
    assert "'headers': {'Authorization': '**********'}" in str(effective(settings))


def test_headers_are_a_mapping_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "tide.yaml"
    path.write_text("backends: a:1\nhealth:\n  type: http\n  headers: {X-Probe: yes, X-Number: 5, Cookie: 'a=1, b=2'}\n")
    headers = load_settings({"TIDEGATE_CONFIG_FILE": str(path)}).pools["default"].health.headers
    assert headers is not None
    assert list(headers.items()) == [("X-Probe", "yes"), ("X-Number", "5"), ("Cookie", "a=1, b=2")]
