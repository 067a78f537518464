"""What must hold between listeners and pools."""

import pytest

from tidegate.settings.checks.relations import given_twice, relation_problems
from tidegate.settings.reading.entry import GivenEntries
from tidegate.settings.reading.environment import Environment


def given_by(**variables: str) -> GivenEntries:
    return GivenEntries(Environment({f"TIDEGATE_{name}": value for name, value in variables.items()}).entries)


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        (
            {"BALANCE": "x", "POOLS__DEFAULT__BACKENDS": "a:1"},
            "TIDEGATE_BALANCE: the pool default is also given by TIDEGATE_POOLS__DEFAULT__BACKENDS: give only one of them",
        ),
        (
            {"LISTEN": "a:1", "LISTENERS__DEFAULT__POOL": "x"},
            "TIDEGATE_LISTEN: the listener default is also given by TIDEGATE_LISTENERS__DEFAULT__POOL: "
            "give only one of them",
        ),
    ],
)
def test_the_flat_and_the_named_form_of_the_default_exclude_each_other(variables: dict[str, str], line: str) -> None:
    assert given_twice(given_by(**variables)) == [line]


def test_one_form_alone_is_not_given_twice() -> None:
    assert given_twice(given_by(BALANCE="x", BACKENDS="a:1", LISTEN="a:1", POOLS__CHAT__BACKENDS="a:1")) == []


@pytest.mark.parametrize(
    ("variables", "lines"),
    [
        pytest.param(
            {"LISTENERS__WEB__POOL": "chat", "POOLS__CHAT__BACKENDS": "a:1"},
            [],
            id="in order",
        ),
        pytest.param(
            {"POOLS__CHAT__BACKENDS": "a:1", "POOLS__DB__DNS__NAME": "x"},
            ["TIDEGATE_LISTENERS__<NAME>__BIND: no listener: give at least one for the pools chat, db"],
            id="no listener",
        ),
        pytest.param(
            {"POOLS__DB__HEALTH__TYPE": "x", "LISTENERS__DB__BIND": "a:1", "LISTENERS__DB__POOL": "db"},
            [
                "TIDEGATE_POOLS__DB__BACKENDS: no backends: give a comma list of host:port or unix:/path, "
                "like 10.0.0.5:8001 weight=2, 10.0.0.6:8001 backup, "
                "or dns.name or kubernetes.service"
            ],
            id="no source of backends",
        ),
        pytest.param(
            {"BACKENDS": "a:1", "DNS__NAME": "chat", "LISTENERS__DEFAULT__POOL": "default"},
            ["TIDEGATE_DNS__NAME: 'chat': the pool's backends are also given by TIDEGATE_BACKENDS: give only one of them"],
            id="two sources of backends",
        ),
        pytest.param(
            {"LISTENERS__WEB__POOL": "chta", "LISTENERS__DB__POOL": "db", "POOLS__DB__BACKENDS": "a:1"},
            ["TIDEGATE_LISTENERS__WEB__POOL: 'chta': no pool has this name: expected one of db"],
            id="unknown pool",
        ),
        pytest.param(
            {"LISTENERS__WEB__POOL": "chat", "POOLS__CHAT__BACKENDS": "a:1", "POOLS__DB__BACKENDS": "a:1"},
            [
                "TIDEGATE_POOLS__DB__BACKENDS: no listener uses the pool db: "
                "give TIDEGATE_LISTENERS__DB__BIND or remove the pool"
            ],
            id="unused pool",
        ),
    ],
)
def test_every_pool_is_known_and_in_use(variables: dict[str, str], lines: list[str]) -> None:
    assert relation_problems(given_by(**variables)) == lines


def test_a_long_list_of_pools_is_cut() -> None:
    pools = {f"POOLS__P{number}__BACKENDS": "a:1" for number in range(1000)}
    (line,) = relation_problems(given_by(**pools))
    assert line.endswith("p18, p19, ...")
