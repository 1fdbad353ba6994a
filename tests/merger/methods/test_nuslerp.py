"""NuSLERP: weights walk the great circle, a base moves its centre, and a straight line has none."""

import math

import numpy as np
import pytest
from combining import factors, gram, merged

from merger.method import Values
from merger.methods import METHODS
from merger.methods.nuslerp import STRAIGHT
from signing.errors import Malformed

COPIES = METHODS["nuslerp"].copies


def weights(*given):
    return [{"weight": w} for w in given]


def test_a_third_of_the_way_round_a_right_angle():
    # Weights 2 and 1 walk 30 of the 90 degrees: factors sin 60 and sin 30.
    found = merged("nuslerp", [[3, 0], [0, 4]], weights("2", "1"))
    assert found == pytest.approx([3 * math.sqrt(0.75), 2], rel=1e-7)
    moved = merged("nuslerp", [[4, 1], [1, 5]], weights("2", "1"), base=[1, 1])
    assert moved == pytest.approx([1 + 3 * math.sqrt(0.75), 3], rel=1e-7)


@pytest.mark.parametrize("pair", [([1, 2], [2, 4]), ([1, 2], [-3, -6]), ([0, 0], [5, 1]), ([1, 1], [0, 0])])
def test_without_an_angle_the_way_is_straight(pair):
    assert factors("nuslerp", gram(pair), weights("1", "3")) == [0.25, 0.75]


def test_the_straight_line_begins_at_its_bound():
    # Nearly opposite, where the circle is far from the line: 1 - cos² is 2^-53 less a little, then below 0.
    assert STRAIGHT < 2.0**-53
    assert factors("nuslerp", [1 + 2.0**-52, -1.0, 1 - 2.0**-53], weights("1", "1"))[0] > 1e7
    assert factors("nuslerp", [1 + 2.0**-52, -1.0, 1 - 2.0**-52], weights("1", "1")) == [0.5, 0.5]


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_sums_that_are_not_finite_leave_the_straight_line(odd, place):
    sums = [1.0, 0.5, 1.0]
    sums[place] = odd
    assert factors("nuslerp", sums, weights("1", "3")) == [0.25, 0.75]


def test_weights_that_cancel_are_refused_before_anything_is_read():
    with pytest.raises(Malformed, match=r"weights 0\.5, -0\.5 sum to 0"):
        COPIES(Values(weights("0.5", "-0.5"), {}))


def test_the_parent_that_remains_is_copied():
    x, y = [1 / 3, -0.0, 5], [7, 8, 9]
    for base in (None, [1, 2, 3]):
        assert merged("nuslerp", [x, y], weights("0.1", "0"), base=base).tobytes() == np.float32(x).tobytes()
        assert merged("nuslerp", [x, y], weights("0", "-2"), base=base).tolist() == y
    with pytest.raises(Malformed, match="every parent has weight 0"):
        merged("nuslerp", [x, y], weights("0", "0"))
    assert merged("nuslerp", [x, y], weights("0", "0"), base=[1, 2, 3]).tolist() == [1, 2, 3]


@pytest.mark.parametrize("t", ["0.1", "0.5", "0.9"])
def test_it_walks_as_slerp_does(t):
    random = np.random.Generator(np.random.PCG64(1))
    x, y = random.normal(size=(2, 40))
    rest = f"{1 - float(t):.1f}"
    walked = merged("slerp", [x, y], [{}, {}], {"t": t}, dtype="F64")
    assert merged("nuslerp", [x, y], weights(rest, t), dtype="F64") == pytest.approx(walked, rel=1e-13)


def test_weights_outside_go_on_along_the_circle():
    # t = -1 at a right angle: sin 180 and -sin 90.
    found = factors("nuslerp", gram([[1, 0], [0, 1]]), weights("2", "-1"))
    assert found == pytest.approx([0, -1], abs=1e-15)
