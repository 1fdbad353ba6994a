"""SLERP's two factors: one rounding each, on any number of threads."""

import math
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import mpmath
import pytest
from reference.second import slerp_scalars

from merger.method import Values
from merger.methods import METHODS
from merger.methods.slerp import STRAIGHT, Scalars

SLERP = METHODS["slerp"]


def scalars(t, *sums):
    return SLERP.resolve(Values((), {"t": t}), sums)


@pytest.mark.parametrize("t", ["0.1", "0.5", "0.999", "0.0000000000000000000000000000000001"])
@pytest.mark.parametrize("cosine", [-0.9995, -0.5, 0.0, 1e-300, 0.3, 0.9994999999999999, 0.9995])
def test_the_factors_are_those_of_the_second_implementation(t, cosine):
    found = scalars(t, cosine, 1.0, 1.0)
    assert (found.first, found.second) == slerp_scalars(cosine, 1.0, 1.0, float(t))


def test_right_angles_and_straight_lines():
    assert scalars("0.5", 0.0, 1.0, 4.0) == Scalars(math.sqrt(0.5), math.sqrt(0.5))
    straight = Scalars(0.75, 0.25)
    for sums in [(1.0, 1.0, 1.0), (-2.0, 1.0, 4.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (9.0, 1.0, 1.0)]:
        assert scalars("0.25", *sums) == straight
    assert scalars("0.25", math.nextafter(STRAIGHT, 1), 1.0, 1.0) == straight
    for odd in [
        (math.nan, 1.0, 1.0),
        (1.0, math.nan, 1.0),
        (math.inf, math.inf, 1.0),
        (math.inf, math.inf, math.inf),
    ]:
        assert scalars("0.25", *odd) == straight
    assert scalars("0.5", 1.0, math.inf, 1.0) == Scalars(math.sqrt(0.5), math.sqrt(0.5))


def test_the_ends_are_copies():
    ends = {"0": 0, "1": 1, "0.5": None, "0." + "9" * 60: 1, "0." + "0" * 60 + "1": None}
    assert {t: SLERP.copies(Values((), {"t": t})) for t in ends} == ends


def test_threads_do_not_disturb_each_other_nor_the_library():
    wanted = {(f"0.{i}7", 0.005 * j): None for i in range(1, 40) for j in range(1, 60)}
    for key in wanted:
        wanted[key] = scalars(key[0], key[1], 1.0, 1.1)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            found = dict(
                zip(wanted, pool.map(lambda key: scalars(key[0], key[1], 1.0, 1.1), wanted), strict=True)
            )
    finally:
        sys.setswitchinterval(interval)
    assert found == wanted
    assert mpmath.mp.prec == 53


def test_the_factors_are_the_nearest_numbers():
    found = scalars("0.3", 0.4, 1.0, 1.0)
    with mpmath.workprec(300):
        angle = mpmath.acos(mpmath.mpf(0.4))
        exact = mpmath.sin(mpmath.mpf(0.3) * angle) / mpmath.sin(angle)
        error = abs(Fraction(found.second) - Fraction(int(exact * 2**250), 2**250))
    assert error <= Fraction(math.ulp(found.second)) / 2
