"""What words of the settings mean."""

import pytest

from tidegate.settings.words import HealthType, ServiceName


@pytest.mark.parametrize("kind", HealthType)
def test_all_probes_but_those_that_only_connect_read_an_answer(kind: HealthType) -> None:
    assert kind.reads_answer is (kind not in {HealthType.TCP, HealthType.TLS, HealthType.NONE})


def test_a_service_is_written_with_its_namespace() -> None:
    assert str(ServiceName("prod", "web")) == "prod/web"
