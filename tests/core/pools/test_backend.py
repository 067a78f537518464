"""Backends and the words for their states."""

from dataclasses import replace
from typing import Any

import pytest

from tidegate.core.pools.backend import Backend, State


def test_the_states_are_the_words_of_status_metrics_and_log() -> None:
    assert [state.value for state in State] == ["up", "down", "checking", "draining", "ejected"]
    assert str(State.UP) == "up"


def test_a_backend_counts_once_without_limit_and_is_no_backup_unless_told() -> None:
    backend = Backend("10.0.0.5:8001", "10.0.0.5", 8001)
    assert (backend.weight, backend.max_connections, backend.backup, backend.order) == (1, 0, False, 0)


def test_backends_with_equal_fields_are_equal() -> None:
    assert Backend("a:1", "10.0.0.5", 1) == Backend("a:1", "10.0.0.5", 1)
    assert Backend("a:1", "10.0.0.5", 1) != Backend("a:1", "10.0.0.6", 1)
    assert len({Backend("a:1", "10.0.0.5", 1), Backend("a:1", "10.0.0.5", 1)}) == 1


def test_a_backend_goes_round_the_addresses_of_its_name_and_to_no_other() -> None:
    backend = Backend("chat:80", "10.0.0.1", 80, others=("10.0.0.2", "10.0.0.3"))
    assert backend.at("10.0.0.3").hosts == ("10.0.0.3", "10.0.0.1", "10.0.0.2")
    assert backend.at("10.0.0.2").at("10.0.0.3").hosts == ("10.0.0.3", "10.0.0.1", "10.0.0.2")
    assert backend.at("10.0.0.9") is backend
    assert backend.at("10.0.0.1") is backend


def test_the_other_addresses_of_its_name_do_not_make_it_another_backend() -> None:
    assert Backend("chat:80", "10.0.0.1", 80, others=("10.0.0.2",)) == Backend("chat:80", "10.0.0.1", 80)


@pytest.mark.parametrize(
    ("changed", "is_another"),
    [
        ({}, False),
        ({"weight": 5}, False),
        ({"host": "10.0.0.9"}, True),
        ({"port": 81}, True),
        ({"pod": "web-2"}, True),
        ({"pod": ""}, False),
    ],
)
def test_a_backend_with_another_address_or_in_another_pod_is_another_one(
    changed: dict[str, Any], *, is_another: bool
) -> None:
    backend = Backend("web:80", "10.0.0.1", 80, pod="web-1")
    assert replace(backend, **changed).is_another(backend) is is_another
    assert backend.is_another(replace(backend, **changed)) is is_another
