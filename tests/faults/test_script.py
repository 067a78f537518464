"""Scripts: both peers draw the same one from a seed, and none takes for ever."""

from hypothesis import given
from hypothesis import strategies as st

from tests.faults.mix import LOADS
from tests.faults.pattern import LONGEST
from tests.faults.script import FLOOD, LONGEST_PAUSES, End, Half, Sizes, script

SIZES = st.sampled_from([sizes for sizes, _ in LOADS.values()])


@given(seed=st.integers(0, (1 << 64) - 1), sizes=SIZES)
def test_both_peers_draw_the_same_script_from_a_seed_and_it_ends_in_time(seed: int, sizes: Sizes) -> None:
    drawn = script(seed, sizes)
    assert drawn == script(seed, sizes)
    for half, other in ((drawn.client, drawn.backend), (drawn.backend, drawn.client)):
        has_bounds(half, other)


@given(seed=st.integers(0, (1 << 64) - 1), sizes=SIZES, size=st.integers(0, 2000))
def test_a_script_that_is_cut_ends_with_a_reset_after_so_many_bytes_and_as_soon_as_any(
    seed: int, sizes: Sizes, size: int
) -> None:
    cut = script(seed, sizes).cut_after(size)
    assert (cut.seed, cut.end, cut.client.size) == (seed, End.CLIENT_CUTS, size)
    has_bounds(cut.client, cut.backend)
    has_bounds(cut.backend, cut.client)


def has_bounds(half: Half, other: Half) -> None:
    assert 0 <= half.size <= FLOOD
    assert 1 <= half.piece <= LONGEST
    assert 1 <= half.read <= LONGEST
    assert half.size // half.piece * half.pause <= LONGEST_PAUSES
    assert other.size // half.read * half.reading_pause <= LONGEST_PAUSES
