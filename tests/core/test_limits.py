"""How far file descriptors reach."""

import pytest

from tidegate.core.limits import inbox_sockets, most_lingering, most_sessions, needed_by_control, needed_by_worker


@pytest.mark.parametrize(
    ("descriptors", "sockets", "sessions"),
    [(1024, 1, 448), (168, 32, 20), (168, 33, 19), (168, 64, 4), (100, 1, 1)],
)
def test_a_session_takes_two_descriptors_and_many_listening_sockets_leave_less(
    descriptors: int, sockets: int, sessions: int
) -> None:
    assert most_sessions(descriptors, sockets) == sessions


@pytest.mark.parametrize("sockets", [0, 1, 32, 33, 5000])
def test_what_a_worker_needs_is_enough_for_one_session(sockets: int) -> None:
    needed = needed_by_worker(sockets)
    assert most_sessions(needed, sockets) == 1
    assert most_sessions(needed + 2, sockets) == 2


def test_control_needs_more_the_more_it_serves() -> None:
    least = needed_by_control(1, 1, 1)
    assert least < needed_by_worker(1), "with one worker, that decides"
    assert needed_by_control(2, 1, 1) == least + 2 + inbox_sockets(2)
    assert needed_by_control(3, 1, 1) == least + 4 + inbox_sockets(3)
    assert needed_by_control(1, 3, 1) == least + 4
    assert needed_by_control(1, 1, 3) == least + 4
    assert needed_by_control(1, 1, 256) < 1024


@pytest.mark.parametrize(("descriptors", "sockets"), [(1024, 112 * 2), (168, 10), (130, 2)])
def test_sockets_with_last_bytes_take_a_quarter_of_the_descriptors_and_never_fewer_than_a_session_has(
    descriptors: int, sockets: int
) -> None:
    assert most_lingering(most_sessions(descriptors, 1)) == sockets
