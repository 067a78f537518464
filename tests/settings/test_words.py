"""The words that people write in settings, and what some of them mean."""

from enum import StrEnum

import pytest

from tidegate.settings.words import (
    Balance,
    HealthType,
    Initial,
    KubernetesApi,
    LiveSessions,
    LogFormat,
    LogLevel,
    RebalanceMode,
    RecordType,
    ServiceName,
    WhenAllDown,
)


@pytest.mark.parametrize(
    ("words", "written"),
    [
        (LogLevel, "debug info warning error"),
        (LogFormat, "json console"),
        (Balance, "round_robin least_connections least_latency random_two first source_hash"),
        (WhenAllDown, "close try_all"),
        (LiveSessions, "keep close"),
        (RebalanceMode, "off dry_run on"),
        (
            HealthType,
            "tcp tls http https websocket socketio send_expect grpc redis postgres mysql smtp pop3 imap none",
        ),
        (Initial, "checking up"),
        (RecordType, "auto a aaaa srv"),
        (KubernetesApi, "endpointslices endpoints"),
    ],
)
def test_words_stay_what_people_have_written_in_their_files(words: type[StrEnum], written: str) -> None:
    assert list(words) == written.split()


@pytest.mark.parametrize("kind", HealthType)
def test_all_probes_but_those_that_only_connect_read_an_answer(kind: HealthType) -> None:
    assert kind.reads_answer is (kind not in {HealthType.TCP, HealthType.TLS, HealthType.NONE})


def test_a_service_is_written_with_its_namespace() -> None:
    assert str(ServiceName("prod", "web")) == "prod/web"
