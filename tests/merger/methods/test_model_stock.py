"""Model Stock: how far towards the average follows from the angles between task vectors."""

import math

import pytest
from combining import factors, gram, merged


def stock(vectors):
    return factors("model_stock", gram(vectors), [{}] * len(vectors))


def test_two_at_a_cosine_of_three_fifths_go_three_quarters_of_the_way():
    # t = 2 · 0.6 / (1 + 0.6) = 0.75, of the average task vector (0.8, 0.4), whatever the lengths.
    found = merged("model_stock", [[2, 1], [1.6, 1.8]], [{}, {}], base=[1, 1])
    assert found == pytest.approx([1.6, 1.3], rel=1e-6)
    assert stock([[1, 0], [0.6, 0.8]]) == pytest.approx([0.375] * 2)
    assert stock([[9, 0], [0.06, 0.08]]) == pytest.approx([0.375] * 2)


def test_of_more_than_two_the_mean_cosine_counts():
    # Cosines 0, 0.6 and 0.8, on average 7/15: t/3 = (7/15) / (1 + 2 · 7/15) = 7/29.
    assert stock([[1, 0], [0, 2], [3, 4]]) == pytest.approx([7 / 29] * 3)


def test_right_angles_and_opposites_stay_at_the_base():
    for pair in ([1, 0], [0, 3]), ([1, 2], [-1, -2]), ([0, 0], [1, 0]), ([0, 0], [0, 0]):
        assert stock(pair) == [0, 0]
    assert merged("model_stock", [[2, 1], [1, 7]], [{}, {}], base=[1, 1]).tolist() == [1, 1]


def test_obtuse_angles_lead_away():
    # t = 2 · -0.6 / (1 - 0.6) = -3.
    assert stock([[1, 0], [-0.6, 0.8]]) == pytest.approx([-1.5] * 2)


def test_where_sums_are_not_finite_it_is_the_average():
    assert factors("model_stock", [1.0, math.nan, 1.0], [{}] * 2) == [0.5, 0.5]
    assert factors("model_stock", [1.0, math.inf, 1.0], [{}] * 2) == [0.5, 0.5]


def test_a_cosine_beyond_one_is_one():
    # Three sums that were rounded: no two vectors have them.
    assert stock([[1, 0], [1, 0]]) == [0.5, 0.5]
    assert factors("model_stock", [1.0, 1.0000000000000002, 1.0], [{}] * 2) == [0.5, 0.5]
