"""The largest k against a sort, with ties, in any blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAW

from merger.select import Reach, Search, tally


def searched(wide, magnitudes, keep):
    """Find the threshold over several blocks."""
    search = Search(wide, keep)
    while not search.done:
        search.step(sum(search.digits(block) for block in magnitudes))
    return search


def kept(wide, magnitudes, keep):
    search = searched(wide, magnitudes, keep)
    counts = [tally(block, search.prefix) for block in magnitudes]
    before = [sum(equal for _, equal in counts[:i]) for i in range(len(counts))]
    selection = Reach(search.prefix, search.keep, before)
    return [selection.within(block, i) for i, block in enumerate(magnitudes)]


@pytest.mark.parametrize(("wide", "dtype"), [("F32", np.uint32), ("F64", np.uint64)])
@given(data=st.data())
@settings(LAW, max_examples=60)
def test_the_k_largest_are_those_of_a_stable_sort(wide, dtype, data):
    top = data.draw(st.sampled_from([2, 1 << 16, 1 << 17, np.iinfo(dtype).max // 2]))
    sizes = data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=4))
    random = np.random.Generator(np.random.PCG64(data.draw(st.integers(0, 1 << 32))))
    blocks = [random.integers(0, top, n, dtype, endpoint=True) for n in sizes]
    whole = np.concatenate(blocks)
    keep = data.draw(st.integers(1, len(whole)))
    want = np.zeros(len(whole), bool)
    want[np.argsort(~whole, kind="stable")[:keep]] = True
    assert (np.concatenate(kept(wide, blocks, keep)) == want).all()
    assert searched(wide, blocks, keep).prefix == np.sort(whole)[len(whole) - keep]


def test_among_equals_the_lowest_index_is_kept_over_blocks():
    blocks = [np.array([7, 9, 7], np.uint32), np.array([7, 1], np.uint32), np.array([7], np.uint32)]
    assert [b.tolist() for b in kept("F32", blocks, 4)] == [[True, True, True], [True, False], [False]]
    assert [b.tolist() for b in kept("F32", blocks, 2)] == [[True, True, False], [False, False], [False]]
    assert tally(blocks[0], 7) == (1, 2)


def test_keeping_all_keeps_zeros():
    assert kept("F64", [np.zeros(3, np.uint64)], 3)[0].all()
