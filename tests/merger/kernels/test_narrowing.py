"""Rounding, against exact fractions and, where it is right, against torch."""

import math
from fractions import Fraction

import numpy as np
import pytest

from merger.kernels.narrowing import narrow, widen

# Significand bits with the leading one, and exponents of the smallest normal and of the largest number.
FORMATS = {"F16": (11, -14, 15), "BF16": (8, -126, 127), "F32": (24, -126, 127)}
NAN = {"F64": 0x7FF8000000000000, "F32": 0x7FC00000, "F16": 0x7E00, "BF16": 0x7FC0}
BITS = {"F64": "<u8", "F32": "<u4", "F16": "<u2", "BF16": "<u2"}
ALL = np.arange(1 << 16, dtype="<u2")


def exact(value, out):
    """Round a finite number to nearest even, by fractions."""
    digits, low, high = FORMATS[out]
    exponent = max(math.frexp(value)[1] - 1, low) if value else low
    unit = Fraction(2) ** (exponent - digits + 1)
    rounded = round(Fraction(value) / unit) * unit
    if abs(rounded) >= Fraction(2) ** (high + 1):
        return math.copysign(math.inf, value)
    return math.copysign(float(rounded), value)


def rounded(values, out):
    return widen(narrow(values, out).tobytes(), out).astype(np.float64)


def same(one, other):
    return np.array_equal(np.float64(one).view(np.uint64), np.float64(other).view(np.uint64))


def edges(out, random):
    """Values of the type, the halves between them, and what lies next to either, of both signs."""
    digits, low, high = FORMATS[out]
    units = [Fraction(2) ** (e - digits + 1) for e in (low, low + 1, 0, 1, high - 1, high)]
    counts = [0, 1, 2, 3, (1 << (digits - 1)) - 1, 1 << (digits - 1), (1 << digits) - 2, (1 << digits) - 1]
    halves = [float(unit * (n + part)) for unit in units for n in counts for part in (0, Fraction(1, 2), 1)]
    halves += [float(Fraction(2) ** (high + 1)), 5e-324, 0.0, math.ldexp(1, low - digits)]
    values = [near for v in halves for near in (v, math.nextafter(v, 0), math.nextafter(v, math.inf))]
    values += np.ldexp(random.uniform(1, 2, 3000), random.integers(low - digits - 3, high + 2, 3000)).tolist()
    return np.array([s * v for v in values for s in (1, -1) if math.isfinite(v)])


@pytest.mark.parametrize("stored", ["F16", "BF16"])
def test_every_pattern_of_16_bits_widens_exactly_and_comes_back(stored):
    values = widen(ALL.tobytes(), stored)
    digits, low, _ = FORMATS[stored]
    for bits in range(0, 1 << 16, 7):
        field, rest = (
            bits >> (digits - 1) & (0xFF if stored == "BF16" else 0x1F),
            bits & ((1 << (digits - 1)) - 1),
        )
        if field < (0xFF if stored == "BF16" else 0x1F):
            number = (rest + ((1 << (digits - 1)) if field else 0)) * Fraction(2) ** (
                max(field, 1) + low - digits
            )
            assert Fraction(float(values[bits])) == (-number if bits >> 15 else number)
    back = narrow(values, stored).view("<u2")
    nan = np.isnan(values)
    assert (back == np.where(nan, NAN[stored], ALL)).all()
    assert np.isinf(values).sum() == 2
    with np.errstate(invalid="ignore"):
        assert (narrow(values.astype(np.float64), stored).view("<u2") == back).all()


@pytest.mark.parametrize("through", ["F64", "F32", "F16", "BF16"])
@pytest.mark.parametrize("stored", ["F16", "BF16"])
def test_every_pattern_of_16_bits_goes_through_every_type(stored, through):
    got = widen(ALL.tobytes(), stored, through)
    with np.errstate(invalid="ignore"):
        values = widen(ALL.tobytes(), stored).astype(np.float64)
    assert got.dtype == (np.float64 if through == "F64" else np.float32)
    if through in ("F64", "F32", stored):
        assert np.array_equal(got, values, equal_nan=True)
    else:
        want = [exact(v, through) if math.isfinite(v) else v for v in values[::3].tolist()]
        assert np.array_equal(got[::3], want, equal_nan=True)


@pytest.mark.parametrize("out", FORMATS)
def test_fp64_rounds_once(out):
    values = edges(out, np.random.Generator(np.random.PCG64(1)))
    assert same(rounded(values, out), [exact(v, out) for v in values.tolist()])


@pytest.mark.parametrize("out", ["F16", "BF16"])
def test_fp32_rounds_once(out):
    values = edges(out, np.random.Generator(np.random.PCG64(2)))
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    values = values[np.isfinite(values)]
    assert same(rounded(values, out), [exact(v, out) for v in values.tolist()])


@pytest.mark.parametrize("out", ["F16", "BF16"])
def test_torch_rounds_fp32_alike_in_every_binade(out):
    torch = pytest.importorskip("torch")
    low = np.array([0, 1, 0x0FFF, 0x1000, 0x1001, 0x7FFF, 0x8000, 0x8001, 0xFFFF], np.uint32)
    values = (ALL.astype(np.uint32)[:, None] << np.uint32(16) | low).reshape(-1).view(np.float32)
    values = values[~np.isnan(values)]
    theirs = torch.from_numpy(values).to({"F16": torch.float16, "BF16": torch.bfloat16}[out])
    assert (narrow(values, out).view("<i2") == theirs.view(torch.int16).numpy()).all()


def test_torch_would_round_fp64_twice():
    torch = pytest.importorskip("torch")
    value = 1 + 2.0**-8 + 2.0**-40
    assert rounded(np.array([value]), "BF16") == 1 + 2.0**-7
    assert torch.tensor(value, dtype=torch.float64).to(torch.bfloat16).item() == 1.0


@pytest.mark.parametrize("out", NAN)
@pytest.mark.parametrize("bits", [0x7FF8000000000000, 0xFFF0000000000001, 0x7FFFFFFFFFFFFFFF])
def test_nan_has_one_form(out, bits):
    values = np.array([1.5, 0, -2], np.float64)
    values[1] = np.array([bits], np.uint64).view(np.float64)[0]
    got = narrow(values, out).view(BITS[out])
    assert got[1] == NAN[out]
    assert not np.isnan(widen(got.tobytes(), out)[[0, 2]]).any()


def test_a_result_never_aliases_what_was_read():
    raw = bytearray(8)
    for stored in ("F64", "F32", "F16", "BF16"):
        values = widen(raw, stored)
        values += 1
        assert raw == bytes(8)
