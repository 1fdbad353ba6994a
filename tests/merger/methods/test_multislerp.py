"""Multi-SLERP: the mean direction at the mean length, and a sum where directions cancel out."""

import math

import numpy as np
import pytest
from combining import factors, gram, merged

from merger.method import Values
from merger.methods import METHODS
from signing.errors import Malformed

SHARED = {"normalize_weights": True, "eps": "0.00000001"}


def weights(*given):
    return [{"weight": w} for w in given]


def test_two_at_a_right_angle_meet_half_way_at_their_mean_length():
    # Directions (1, 0) and (0, 1), lengths 3 and 4: 3.5 in the direction (1, 1) / √2.
    wanted = 3.5 * math.sqrt(0.5)
    assert merged("multislerp", [[3, 0], [0, 4]], weights("1", "1"), SHARED) == pytest.approx([wanted] * 2)
    moved = merged("multislerp", [[4, 1], [1, 5]], weights("1", "1"), SHARED, base=[1, 1])
    assert moved == pytest.approx([1 + wanted] * 2)


def test_weights_that_are_not_normalized_are_a_factor_of_the_length_alone():
    sums = gram([[3, 0, 1], [0, 4, 1], [1, 1, 1]])
    own, twice = weights("0.5", "0.25", "0.25"), weights("1", "0.5", "0.5")
    plain = factors("multislerp", sums, own, SHARED)
    assert factors("multislerp", sums, twice, SHARED) == plain
    doubled = factors("multislerp", sums, twice, SHARED | {"normalize_weights": False})
    assert doubled == [2 * factor for factor in plain]


def test_directions_that_cancel_out_are_added_up():
    sums = gram([[1, 2, 2], [-2, -4, -4]])
    assert factors("multislerp", sums, weights("0.5", "0.5"), SHARED) == [0.5, 0.5]
    # The mean direction is half as long as one: to be below a tolerance of a half it is too long, if only just.
    own = weights("0.75", "0.25")
    assert factors("multislerp", sums, own, SHARED | {"eps": "0.5"}) == [1.875, 0.3125]
    assert factors("multislerp", sums, own, SHARED | {"eps": "0.51"}) == [0.75, 0.25]


def test_a_vector_of_zeros_has_no_direction_but_a_length():
    sums = gram([[0, 0], [0, 2], [0, 0]])
    assert factors("multislerp", sums, weights("1", "1", "2"), SHARED) == [0, 0.25, 0]
    assert factors("multislerp", [0.0] * 6, weights("1", "1", "2"), SHARED) == [0.25, 0.25, 0.5]
    assert factors("multislerp", [0.0] * 5 + [math.inf], weights("1", "1", "2"), SHARED) == [0.25, 0.25, 0.5]


def test_lengths_far_apart_may_have_a_factor_beyond_fp64():
    # Lengths 1 and 2^-537, mean length about a half: the short one is stretched 2^537 · √(1/8) times.
    found = factors("multislerp", [1.0, 0.0, 2.0**-1074], weights("1", "1"), SHARED)
    assert found == pytest.approx([math.sqrt(0.125), math.sqrt(0.125) * 2.0**537])
    found = factors("multislerp", [2.0**1022, 0.0, 2.0**-1074], weights("1", "-0.5"), SHARED)
    assert found[1] == -math.inf


def test_one_that_remains_and_counts_once_is_copied():
    x, y = [1 / 3, -0.0], [7, 8]
    copied = merged("multislerp", [x, y], weights("3", "0"), SHARED)
    assert copied.tobytes() == np.float32(x).tobytes()
    plain = SHARED | {"normalize_weights": False}
    assert merged("multislerp", [x, y], weights("1", "0"), plain).tobytes() == copied.tobytes()
    assert merged("multislerp", [x, y], weights("0", "2"), plain).tolist() == [14, 16]


def test_weights_that_sum_to_zero_are_refused_before_anything_is_read():
    with pytest.raises(Malformed, match="weights 1, -1 sum to 0"):
        METHODS["multislerp"].copies(Values(weights("1", "-1"), SHARED))
    with pytest.raises(Malformed, match="every parent has weight 0"):
        merged("multislerp", [[1, 2], [3, 4]], weights("0", "0"), SHARED)
