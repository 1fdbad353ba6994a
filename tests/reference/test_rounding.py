"""The second implementation's reading and rounding of stored values, against fractions and the processor."""

import bisect
import math
from fractions import Fraction

import numpy as np
import pytest
from reference.stored import narrow, widen


def nearest_even(value, grid):
    """The index in the ascending grid of non-negative values of the nearest one, ties to the even index."""
    above = bisect.bisect_left(grid, value)
    if above == 0 or grid[min(above, len(grid) - 1)] == value:
        return above
    low, high = value - grid[above - 1], grid[above] - value
    return above - 1 if low < high or (low == high and above % 2) else above


@pytest.mark.parametrize(("stored", "width", "bias", "fraction"), [("F16", 5, 15, 10), ("BF16", 8, 127, 7)])
def test_rounding_agrees_with_a_search_among_all_values(stored, width, bias, fraction):
    finite = range(((1 << width) - 1) << fraction)
    exact = []
    for bits in finite:
        field, rest = bits >> fraction, bits & ((1 << fraction) - 1)
        exact.append(
            Fraction(rest + ((1 << fraction) if field else 0))
            * Fraction(2) ** (max(field, 1) - bias - fraction)
        )
    grid = [*exact, Fraction(2) ** ((1 << width) - 1 - bias)]  # where the next value would be: infinity
    assert [Fraction(float(v)) for v in widen(stored, np.arange(len(exact), dtype="<u2").tobytes())] == exact
    random = np.random.Generator(np.random.PCG64(1))
    values = [float(v) for v in exact[:: max(1, len(exact) // 3000)]]
    halves = [
        (a + b) / 2 for a, b in zip(values, [float(v) for v in grid[1 :: len(exact) // 3000]], strict=False)
    ]
    values += halves + [math.nextafter(v, s) for v in halves for s in (0.0, math.inf)]
    values += [float(grid[-1] + exact[-1]) / 2, math.nextafter(float(grid[-1] + exact[-1]) / 2, 0), 5e-324]
    values += list(np.exp(random.uniform(-110, 92, 3000)))
    for sign in (1, -1):
        got = np.frombuffer(narrow(sign * np.array(values), stored), "<u2").astype(int)
        want = [nearest_even(min(Fraction(v), grid[-1]), grid) for v in values]
        assert got.tolist() == [w + (32768 if sign < 0 else 0) for w in want]


def test_rounding_to_fp32_agrees_with_the_processor():
    random = np.random.Generator(np.random.PCG64(2))
    values = random.integers(0, 1 << 64, 200_000, dtype=np.uint64).view(np.float64)
    with np.errstate(all="ignore"):
        near = random.integers(0, 1 << 32, 200_000, dtype=np.uint32).view(np.float32).astype(np.float64)
    tiny = np.ldexp(random.uniform(-1, 1, 20_000), random.integers(-155, -120, 20_000))
    with np.errstate(all="ignore"):
        values = np.concatenate([values, near, near * (1 + 2.0**-24), near * (1 + 2.0**-24 + 2.0**-50), tiny])
        values = values[~np.isnan(values)]
        assert narrow(values, "F32") == values.astype("<f4").tobytes()
        assert narrow(values, "F16") == values.astype("<f2").tobytes()


def test_double_rounding_does_not_happen():
    assert narrow(np.array([1 + 2.0**-8 + 2.0**-40]), "BF16") == b"\x81\x3f"
    assert narrow(np.array([1 + 2.0**-11 + 2.0**-40]), "F16") == b"\x01\x3c"


@pytest.mark.parametrize(
    ("stored", "bits"), [("F16", 0x7E00), ("BF16", 0x7FC0), ("F32", 0x7FC00000), ("F64", 0x7FF8000000000000)]
)
def test_nan_has_one_form(stored, bits):
    odd = np.array([0xFFF0000000000001], np.uint64).view(np.float64)
    assert int.from_bytes(narrow(odd, stored), "little") == bits
