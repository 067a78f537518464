"""The first message of a TLS client, out of its records."""

from tests.support.first_bytes import in_records, message_of
from tidegate.core.preface.outcome import NOT_THIS, Incomplete, Malformed
from tidegate.core.preface.tls_records import client_hello_body

BODY = bytes(range(40))


def test_the_body_is_what_the_records_carry() -> None:
    for size in range(1, 50):
        assert client_hello_body(in_records(message_of(BODY), size) + b"x") == BODY


def test_the_kind_of_a_message_then_its_length_and_then_all_of_it_are_needed() -> None:
    stream = in_records(message_of(BODY), 30)
    assert [client_hello_body(stream[:length]) for length in range(6)] == [Incomplete(length + 1) for length in range(6)]
    assert client_hello_body(stream[:6]) == Incomplete(9)
    assert client_hello_body(stream[:9]) == client_hello_body(stream[:34]) == Incomplete(49)
    assert client_hello_body(stream[:35]) == client_hello_body(stream[:53]) == Incomplete(54)
    assert client_hello_body(in_records(message_of(BODY) + bytes(99), 16384)[:9]) == Incomplete(49)


def test_a_hello_in_tiny_records_that_come_byte_by_byte_is_looked_at_a_few_times() -> None:
    stream, looks, needed = in_records(message_of(bytes(2600)), 1), 0, 1
    while isinstance(outcome := client_hello_body(stream[:needed]), Incomplete):
        looks, needed = looks + 1, outcome.needed
    assert outcome == bytes(2600)
    assert looks < 60


def test_a_message_that_can_not_end_within_16_kib_is_refused_as_soon_as_that_is_known() -> None:
    stream = in_records(message_of(bytes(3998)), 1)  # 4002 bytes, and 12,380 for the heads of 2476 records
    assert client_hello_body(stream[: 2476 * 6 - 1]) == Incomplete(4002 + 12_380)
    assert client_hello_body(stream[: 2476 * 6]) == Malformed("a ClientHello of more than 16 KiB")


def test_the_kind_of_message_decides_even_if_it_comes_late() -> None:
    assert client_hello_body(in_records(message_of(BODY, 2), 1)) == NOT_THIS
