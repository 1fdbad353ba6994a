"""Karcher mean: where the squared angles to all models are least, at their mean length."""

import math

import numpy as np
import pytest
from combining import factors, gram, merged

SHARED = {"max_iter": "10", "tol": "0.00001"}


def at(*degrees, length=1.0):
    """Points on a circle."""
    return [[length * math.cos(math.radians(d)), length * math.sin(math.radians(d))] for d in degrees]


def karcher(vectors, **shared):
    return factors("karcher", gram(vectors), [{}] * len(vectors), SHARED | shared)


def mean(vectors, **shared):
    return np.array(karcher(vectors, **shared)) @ np.array(vectors)


def test_on_a_circle_it_is_the_mean_angle():
    # 0, 0 and 90 degrees: the mean of the points stands at atan(1/2), one step along the circle leads to 30.
    points = at(0, 0, 90)
    assert mean(points, max_iter="0") == pytest.approx(np.array([2, 1]) / math.sqrt(5))
    assert mean(points, max_iter="1") == pytest.approx([math.sqrt(0.75), 0.5])
    assert mean(points) == pytest.approx([math.sqrt(0.75), 0.5])
    assert merged("karcher", points, [{}] * 3, SHARED) == pytest.approx([math.sqrt(0.75), 0.5], rel=1e-6)


def test_a_step_counts_whole():
    vectors = np.random.Generator(np.random.PCG64(5)).normal(size=(3, 4))
    assert karcher(vectors, max_iter="1.99") == karcher(vectors, max_iter="1")
    assert karcher(vectors, max_iter="2") != karcher(vectors, max_iter="1")


def test_its_length_is_the_mean_length():
    points = [*at(0, length=3), *at(90, length=4)]
    assert mean(points) == pytest.approx([3.5 * math.sqrt(0.5)] * 2)
    assert mean([*points, [0, 0]]) == pytest.approx([7 / 3 * math.sqrt(0.5)] * 2)


def test_the_angles_to_all_cancel_out():
    vectors = np.random.Generator(np.random.PCG64(2)).normal(size=(4, 9)) + 1
    found = mean(vectors, max_iter="100", tol="0.000000000001")
    found /= np.linalg.norm(found)
    units = vectors / np.linalg.norm(vectors, axis=1)[:, None]
    cosines = units @ found
    tangents = (np.arccos(cosines) / np.sqrt(1 - cosines**2))[:, None] * (units - cosines[:, None] * found)
    assert np.abs(tangents.sum(axis=0)).max() < 1e-11


def test_opposite_models_give_the_first():
    # Their mean is no direction; from the first, every way to the second is as long as any other.
    assert karcher([[1, 2], [-2, -4]]) == [1.5, 0]
    # Of two against one, the two are the mean; the one at the opposite point pulls no way.
    assert karcher([[0, 1], [0, 1], [0, -1]]) == [1, 1, 1]
    assert karcher([[0, 0], [0, 2], [0, -2]]) == [0, 2 / 3, 0]


def test_a_tolerance_that_is_met_exactly_is_not_undercut():
    # Mean direction of three against one: half a direction.
    four = [[0, 1]] * 3 + [[0, -1]]
    assert karcher(four, tol="0.5") == [0.5] * 4
    assert karcher(four, tol="0.51") == [1, 0, 0, 0]


@pytest.mark.parametrize("odd", [[0.0] * 3, [math.nan, 1.0, 1.0], [1.0, math.inf, 1.0]])
def test_without_any_direction_it_is_the_mean(odd):
    assert factors("karcher", odd, [{}] * 2, SHARED) == [0.5, 0.5]
