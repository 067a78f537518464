"""Which clients are let in."""

from random import Random
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.preface.access_list import parse_access_list

NETWORK_TEXTS = st.sampled_from(
    ["10.0.0.0/8", "10.1.0.0/16", "10.1.1.1", "0.0.0.0/0", "::/0", "2001:db8::/32", "2001:db8::1"]
)
CLIENT_TEXTS = st.sampled_from(
    ["10.0.0.1", "10.1.0.1", "10.1.1.1", "192.0.2.1", "::1", "2001:db8::1", "2001:db8::2", "unix"]
)


@pytest.mark.parametrize(
    ("allow", "deny", "let_in", "refused"),
    [
        (None, [], ["10.0.0.1", "::1", ""], []),
        (None, ["10.0.0.0/8"], ["11.0.0.1", "::1", ""], ["10.0.0.1", "::ffff:10.0.0.1"]),
        (["10.0.0.0/8"], [], ["10.0.0.1", "::ffff:10.0.0.1"], ["11.0.0.1", "::1", "", "unix"]),
        (["10.0.0.0/8"], ["10.1.0.0/16"], ["10.0.0.1"], ["10.1.0.1", "11.0.0.1"]),
        (["10.1.0.1"], ["10.0.0.0/8"], [], ["10.1.0.1"]),
        ([], [], [], ["10.0.0.1", "::1", ""]),
    ],
)
def test_deny_always_refuses_and_allow_lets_in_no_other(
    allow: list[str] | None, deny: list[str], let_in: list[str], refused: list[str]
) -> None:
    access = parse_access_list(allow, deny)
    assert [address for address in let_in if not access.allows(address)] == []
    assert [address for address in refused if access.allows(address)] == []


@given(st.none() | st.lists(NETWORK_TEXTS), st.lists(NETWORK_TEXTS), CLIENT_TEXTS)
def test_both_lists_are_sets_of_addresses(allow: list[str] | None, deny: list[str], client: str) -> None:
    def contains(texts: list[str]) -> bool:
        return not parse_access_list(None, texts).allows(client)

    assert parse_access_list(allow, deny).allows(client) == ((allow is None or contains(allow)) and not contains(deny))


def test_the_entry_that_is_wrong_is_named() -> None:
    for allow, deny in ((["10.0.0.1/8"], []), (None, ["10.0.0.1/8"])):
        with pytest.raises(ValueError, match=r"10\.0\.0\.0/8 is probably meant"):
            parse_access_list(allow, deny)


def test_thousands_of_networks_are_not_tried_one_after_the_other() -> None:
    random = Random(1)
    access = parse_access_list(
        None, (f"10.{random.randrange(256)}.{random.randrange(256)}.{2 * random.randrange(128)}" for _ in range(20_000))
    )
    began = process_time()
    for _ in range(10_000):
        assert access.allows("10.1.2.3")
    assert process_time() - began < 1
