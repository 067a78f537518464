"""The closed lists of reasons."""

import errno

import pytest

from tidegate.core.reasons import BACKEND_ENDS, CLEAN_ENDS, CloseReason, ConnectFailure, RejectReason, connect_failure


def test_the_close_reasons_are_those_that_can_occur_in_the_order_of_the_board() -> None:
    assert [reason.value for reason in CloseReason] == [
        "client_eof",
        "backend_eof",
        "client_reset",
        "backend_reset",
        "idle_timeout",
        "max_duration",
        "connect_failed",
        "no_backend",
        "rejected",
        "backend_down",
        "backend_removed",
        "drain",
        "rebalance",
        "worker_lost",
        "error",
    ]


def test_the_other_lists_are_bounded_words_too() -> None:
    assert [failure.value for failure in ConnectFailure] == [
        "refused",
        "timeout",
        "unreachable",
        "reset",
        "no_local_port",
        "other",
    ]
    assert [reason.value for reason in RejectReason] == [
        "no_backend",
        "denied",
        "no_route",
        "preface_timeout",
        "preface_invalid",
        "max_connections",
        "max_connections_per_client",
        "accept_rate_per_client",
        "backends_full",
        "queue_full",
        "queue_timeout",
        "client_gone",
    ]


def test_only_an_end_of_stream_is_a_clean_end() -> None:
    assert {reason.value for reason in CLEAN_ENDS} == {"client_eof", "backend_eof"}


def test_a_backend_ends_a_session_by_its_end_of_stream_or_a_reset() -> None:
    assert {reason.value for reason in BACKEND_ENDS} == {"backend_eof", "backend_reset"}


@pytest.mark.parametrize(
    ("number", "failure"),
    [
        pytest.param(number, failure, id=errno.errorcode[number])
        for failure, numbers in {
            "refused": [errno.ECONNREFUSED],
            "timeout": [errno.ETIMEDOUT],
            "unreachable": [errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN],
            "no_local_port": [errno.EADDRNOTAVAIL],
            "reset": [errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE],
            "other": [errno.EMFILE, errno.EACCES, errno.EINVAL, errno.EAFNOSUPPORT],
        }.items()
        for number in numbers
    ],
)
def test_each_error_of_connect_has_a_reason(number: int, failure: str) -> None:
    assert connect_failure(number) == failure


def test_an_unknown_error_is_other() -> None:
    assert connect_failure(0) is connect_failure(99_999) is ConnectFailure.OTHER
