"""The namespace of the own pod, and which Services get it."""

from pathlib import Path

import pytest

from tidegate.settings.reading.entry import Entry, GivenEntries
from tidegate.settings.reading.own_namespace import own_namespace, with_own_namespace

INSIDE = {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}
KUBERNETES = ("pools", "chat", "kubernetes")


def entry(value: object, *keys: str) -> Entry:
    return Entry(keys, keys, value, "a test")


def completed(*entries: Entry, namespace: str = "prod") -> list[object]:
    return [each.value for each in with_own_namespace(list(entries), GivenEntries(entries), namespace)]


@pytest.mark.parametrize(
    ("written", "service"), [("web", "prod/web"), (" web ", "prod/web"), ("test/web", "test/web"), (7, 7)]
)
def test_a_service_without_a_namespace_gets_the_own_one(written: object, service: object) -> None:
    assert completed(entry(written, *KUBERNETES, "service")) == [service]


def test_outside_a_pod_and_in_another_cluster_a_service_stays_as_it_is_written() -> None:
    service = entry("web", *KUBERNETES, "service")
    assert completed(service, namespace="") == ["web"]
    assert completed(service, entry("/etc/config", *KUBERNETES, "kubeconfig")) == ["web", "/etc/config"]
    assert completed(service, entry("/etc/config", "pools", "other", "kubernetes", "kubeconfig"))[0] == "prod/web"


@pytest.mark.parametrize(
    "keys",
    [("pools", "chat", "kubernetes", "port"), ("pools", "chat", "balance"), ("listeners", "chat", "kubernetes", "service")],
)
def test_nothing_but_a_service_is_completed(keys: tuple[str, ...]) -> None:
    assert completed(entry("web", *keys)) == ["web"]


def test_the_own_namespace_is_that_of_the_service_account(tmp_path: Path) -> None:
    file = tmp_path / "namespace"
    assert own_namespace(INSIDE, file) == "", "none is mounted"
    file.write_text("prod\n")
    assert own_namespace(INSIDE, file) == "prod"
    assert own_namespace({}, file) == "", "this is no pod"
    file.write_bytes(b"\xff")
    assert own_namespace(INSIDE, file) == ""
