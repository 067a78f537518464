"""Pools."""

import re
from dataclasses import asdict

import pytest
from pydantic import ValidationError

from tidegate.core.connection_options import ConnectionOptions
from tidegate.settings.parts.hashing import HashSettings
from tidegate.settings.parts.pool import PoolSettings
from tidegate.settings.words import Balance


def test_the_defaults_are_those_of_the_contract() -> None:
    pool = PoolSettings.model_validate({"backends": "a:1"})
    assert pool.balance is Balance.LEAST_CONNECTIONS
    assert (pool.connect_timeout, pool.connect_attempts, pool.idle_timeout) == (5.0, 3, 3600.0)
    assert pool.ready.min_backends == 1


def test_live_sessions_stay_where_they_are_by_default() -> None:
    pool = PoolSettings.model_validate({"backends": "a:1"})
    assert (pool.on_down, pool.on_removed, pool.close_window, pool.close_rate) == ("keep", "keep", 10.0, 0)
    moving = pool.rebalance
    assert (moving.mode, moving.rate, moving.delay, moving.tolerance_percent) == ("off", 10, 5.0, 5)


def test_backends_are_text_or_a_list_of_texts_and_mappings() -> None:
    text = PoolSettings.model_validate({"backends": "a:1 weight=2, b:2 backup,"})
    listed = PoolSettings.model_validate({"backends": ["a:1 weight=2", {"address": "b:2", "backup": "yes"}]})
    assert text == listed


def test_a_pool_of_backups_only_is_allowed() -> None:
    assert PoolSettings.model_validate({"backends": "a:1 backup"}).backends[0].backup


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"backends": ","}, "no backends: give a comma list of host:port"),
        ({"backends": 3}, "expected a comma list or a list"),
        ({"backends": "[::1]:1, [0::1]:1"}, "[::1]:1 is given twice"),
        ({"backends": "A:1, a:1"}, "a:1 is given twice"),
        ({"backends": "a:1", "ready": {"min_backends": 2}}, "expected at most 1"),
        (
            {"backends": "a:1", "balance": "fist"},
            "expected one of round_robin, least_connections, least_latency, random_two, first, source_hash",
        ),
        ({"backends": "a:1", "hash": {"ipv4_prefix": 24}}, "it does nothing with balance least_connections: leave it out"),
        ({"backends": "a:1", "balance": "first", "hash": {"ipv6_prefix": 64}}, "it does nothing with balance first"),
        ({"backends": "a:1", "balance": "round_robin", "hash": {"bounded_load": 2}}, "or give balance source_hash"),
        ({"backends": "a:1", "balance": "first", "slow_start": "30s"}, "not with balance first, for it fills a backend"),
        ({"backends": "a:1", "balance": "source_hash", "slow_start": 1}, "not with balance source_hash, for its clients"),
        ({"backends": "a:1", "slow_start": "2h"}, "expected a duration from 0s to 1h (0 means off)"),
        ({"backends": "a:1", "connect_attempts": "0"}, "expected a whole number from 1 to 100"),
        ({"backends": "a:1", "on_down": "drop"}, "expected one of keep, close"),
        ({"backends": "a:1", "on_removed": ""}, "expected one of keep, close"),
        ({"backends": "a:1", "close_rate": -1}, "from 0 to 100000 (0 means that only close_window decides)"),
        ({"backends": "a:1", "rebalance": {"mode": "yes"}}, "expected one of off, dry_run, on"),
        ({"backends": "a:1", "rebalance": {"rate": 0}}, "expected a whole number from 1 to 100000"),
        ({"backends": "a:1", "rebalance": {"tolerance_percent": 101}}, "expected a whole number from 0 to 100"),
        (
            {"backends": "a:1", "balance": "source_hash", "rebalance": {"mode": "dry_run"}},
            "with balance source_hash clients would come back to the same backend: expected off",
        ),
        (
            {"backends": "a:1", "balance": "source_hash", "affinity": {"ttl": "1h"}},
            "not together with balance source_hash: it keeps clients on their backends already; expected 0s",
        ),
        (
            {"backends": "a:1", "rebalance": {"mode": "on"}, "affinity": {"ttl": "1h"}},
            "not together with a rebalance, whose clients would come back to the same backend; expected 0s",
        ),
        ({"backends": "a:1", "affinity": {"max_clients": 0}}, "expected a whole number from 1 to 100000"),
        ({"backends": "a:1", "queue": {"size": -1}}, "expected a whole number from 0 to 100000 (0 means no queue)"),
        ({"backends": "a:1", "queue": {"timeout": 0}}, "expected a duration from 10ms to 720h"),
        ({"backends": "a:1", "idle_timeout": "721h"}, "expected a duration from 0s to 720h (0 means never)"),
        ({"backends": "a:1", "max_duration": "721h"}, "expected a duration from 0s to 720h (0 means no limit)"),
        (
            {"backends": "a:1", "max_duration": "1h", "max_duration_jitter_percent": 51},
            "expected a whole number from 0 to 50",
        ),
        ({"backends": "a:1", "max_duration_jitter_percent": 5}, "there is no max_duration: expected one, too"),
    ],
)
def test_a_refusal_says_what_would_be_valid(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        PoolSettings.model_validate(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"balance": "source_hash", "rebalance": {"mode": "on"}},
            "with balance source_hash clients would come back to the same backend: expected off",
        ),
        (
            {"balance": "source_hash", "affinity": {"ttl": "1h"}},
            "not together with balance source_hash: it keeps clients on their backends already; expected 0s",
        ),
        (
            {"rebalance": {"mode": "on"}, "affinity": {"ttl": "1h"}},
            "not together with a rebalance, whose clients would come back to the same backend; expected 0s",
        ),
        (
            {"balance": "first", "hash": {"ipv4_prefix": 24}},
            "it does nothing with balance first: leave it out, or give balance source_hash or an affinity",
        ),
        ({"ready": {"min_backends": 2}}, "the pool has fewer backends than that: expected at most 1"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_in_these_words(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PoolSettings.model_validate({"backends": "a:1", **given})
    assert [error["msg"] for error in caught.value.errors()] == [message]


def test_settings_of_an_affinity_that_is_off_contradict_no_policy() -> None:
    pool = PoolSettings.model_validate({"backends": "a:1", "balance": "source_hash", "affinity": {"max_clients": 5}})
    assert (pool.affinity.ttl, pool.affinity.max_clients) == (0.0, 5)


def test_the_hash_may_be_given_where_it_is_used_and_as_nothing_elsewhere() -> None:
    hashing = {"ipv4_prefix": 24, "ipv6_prefix": 64, "bounded_load": "1.25"}
    pool = PoolSettings.model_validate({"backends": "a:1", "balance": "source_hash", "hash": hashing})
    assert (pool.hash.ipv4_prefix, pool.hash.ipv6_prefix, pool.hash.bounded_load) == (24, 64, 1.25)
    nothing = {"ipv4_prefix": 32, "ipv6_prefix": 128, "bounded_load": 0}
    assert PoolSettings.model_validate({"backends": "a:1", "hash": nothing}).hash == HashSettings()


def test_networks_may_be_given_for_an_affinity_but_no_bound() -> None:
    given = {"backends": "a:1", "affinity": {"ttl": "1h"}, "hash": {"ipv4_prefix": 24, "ipv6_prefix": 64}}
    hashing = PoolSettings.model_validate(given).hash
    assert (hashing.ipv4_prefix, hashing.ipv6_prefix) == (24, 64)
    with pytest.raises(ValidationError, match=r"nothing with balance least_connections.*give balance source_hash \["):
        PoolSettings.model_validate({**given, "hash": {"bounded_load": 2}})


def test_the_minimum_of_usable_backends_may_be_all_of_them_or_none() -> None:
    for count in (0, 2):
        pool = PoolSettings.model_validate({"backends": "a:1,b:1", "ready": {"min_backends": count}})
        assert pool.ready.min_backends == count


def test_workers_are_told_what_a_pool_is_set_to() -> None:
    pool = PoolSettings.model_validate(
        {
            "backends": "a:1",
            "balance": "source_hash",
            "hash": {"ipv4_prefix": 24, "ipv6_prefix": 64, "bounded_load": 1.25},
            "connect_timeout": "2s",
            "connect_attempts": 4,
            "idle_timeout": "6s",
            "max_duration": "16s",
            "max_duration_jitter_percent": 17,
            "send_proxy_protocol": "v2",
            "outliers": {"failures": 7, "early_end": "8s"},
            "queue": {"size": 11, "timeout": "12s"},
            "keepalive": {"idle": "13s", "interval": "14s", "count": 15},
            "receive_buffer": "16KiB",
            "send_buffer": "32KiB",
            "notsent_lowat": "64KiB",
        }
    )
    connection = ConnectionOptions(13.0, 14.0, 15, 13.0 + 14.0 * 15, 16 << 10, 32 << 10, 64 << 10)
    common = {"connect_timeout": 2.0, "connect_attempts": 4, "idle_timeout": 6.0, "outlier_failures": 7, "early_end": 8.0}
    lives = {"max_duration": 16.0, "max_duration_jitter_percent": 17, "send_proxy_protocol": "v2"}
    hashed = {"balance": "source_hash", "bounded_load": 1.25, "ipv4_prefix": 24, "ipv6_prefix": 64}
    off = {"slow_start": 0.0, "affinity_ttl": 0.0, "affinity_max_clients": 10_000}
    queue = {"queue_size": 11, "queue_timeout": 12.0}
    assert asdict(pool.options) == {**hashed, **off, **common, **lives, **queue, "connection": asdict(connection)}
    kept = PoolSettings.model_validate({"backends": "a:1", "slow_start": "3s", "affinity": {"ttl": "4s", "max_clients": 5}})
    assert (kept.options.balance, kept.options.slow_start) == ("least_connections", 3.0)
    assert (kept.options.affinity_ttl, kept.options.affinity_max_clients) == (4.0, 5)
