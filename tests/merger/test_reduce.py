"""Sums: the halving tree exactly, and how far from the true sum it may be."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAW

from merger.reduce import SPAN, block_sum, total


def tree(values):
    """Add the upper half onto the lower half until one value is left, as the page says it."""
    level = [*values, *[0.0] * (SPAN - len(values))]
    while len(level) > 1:
        half = len(level) // 2
        level = [low + high for low, high in zip(level[:half], level[half:], strict=True)]
    return level[0]


@given(seed=st.integers(0, 1 << 32), size=st.sampled_from([0, 1, 2, 3, 1000, SPAN - 1, SPAN]))
@settings(LAW, max_examples=8)
def test_a_block_is_summed_by_the_tree_and_near_the_true_sum(seed, size):
    random = np.random.Generator(np.random.PCG64(seed))
    values = np.ldexp(random.normal(size=size), random.integers(-40, 40, size))
    found = block_sum(values)
    assert found.hex() == tree(values.tolist()).hex()
    # Sixteen additions stand between an element and the sum (Higham, Accuracy and Stability, 4.2).
    assert abs(found - math.fsum(values)) <= 16 * 2**-53 * 1.01 * math.fsum(np.abs(values))


def test_a_whole_block_is_not_written_to():
    values = np.ones(SPAN)
    assert block_sum(values) == SPAN
    assert (values == 1).all()


def test_block_values_are_added_in_order_from_the_first():
    assert total([]).hex() == (0.0).hex()
    assert total([-0.0]).hex() == (-0.0).hex()
    assert total([1e16, 1.0, -1e16]) == 0.0
    assert total([1e16, -1e16, 1.0]) == 1.0
