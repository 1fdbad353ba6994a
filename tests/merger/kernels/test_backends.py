"""The kernels of torch, operation by operation, against those of NumPy."""

import numpy as np
import pytest
from filling import ODD, PALETTE
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAW

from merger.kernels.blocks import NumpyKernels

device = pytest.importorskip("merger.kernels.device")
torch = pytest.importorskip("torch")
WIDES = {"F32": np.float32, "F64": np.float64}

blocks = st.tuples(st.integers(0, 1 << 32), st.integers(0, 40), st.booleans())


def block(drawn, wide):
    seed, size, odd = drawn
    random = np.random.Generator(np.random.PCG64(seed))
    values = np.where(random.random(size) < 0.4, random.choice(PALETTE, size), random.normal(size=size))
    with np.errstate(over="ignore"):
        return np.where(random.random(size) < 0.2 * odd, random.choice(ODD, size), values).astype(WIDES[wide])


def bits(x):
    return np.ascontiguousarray(x).view("u1").tolist()


@pytest.mark.parametrize("wide", WIDES)
@given(drawn=blocks, scalar=st.sampled_from([0.1, -3.0, 1e-300, 1e300, 0.0]))
@settings(LAW, max_examples=60)
def test_operations_give_equal_bits(wide, drawn, scalar):
    mine, theirs = NumpyKernels(wide), device.TorchKernels(wide)
    seed, size, odd = drawn
    arrays = [block((seed + i, size, odd), wide) for i in range(3)]
    x, y, z = arrays
    tx, ty, tz = (torch.from_numpy(a.copy()) for a in arrays)
    with np.errstate(all="ignore"):
        pairs = [
            (mine.add(x, y), theirs.add(tx, ty)),
            (mine.sub(x, y), theirs.sub(tx, ty)),
            (mine.scale(x, scalar), theirs.scale(tx, scalar)),
            (mine.total(arrays), theirs.total([tx, ty, tz])),
            (mine.total([x]), theirs.total([tx])),
            (mine.agree(x, y), theirs.agree(tx, ty)),
            (mine.ratio(x, y), theirs.ratio(tx, ty)),
        ]
        masks = mine.agree(x, y), mine.agree(z, y)
        theirs_masks = theirs.agree(tx, ty), theirs.agree(tz, ty)
        pairs += [
            (mine.keep(z, masks[0]), theirs.keep(tz, theirs_masks[0])),
            (mine.mass(masks, [0.1, scalar]), theirs.mass(theirs_masks, [0.1, scalar])),
        ]
        assert mine.not_finite(x) == theirs.not_finite(tx)
        assert (mine.magnitude(x) == theirs.magnitude(tx)).all()
        found, other = mine.products(x, y), theirs.products(tx, ty)
        assert np.array_equal(found, other, equal_nan=True)
        assert all(mine.narrow(x, out) == theirs.narrow(tx, out) for out in ("F64", "F32", "F16", "BF16"))
    for one, other in pairs:
        nan = np.isnan(one) if one.dtype.kind == "f" else np.zeros(one.shape, bool)
        assert (nan == (np.isnan(other.numpy()) if one.dtype.kind == "f" else False)).all()
        # A NaN's payload is the processor's; the narrowing to come gives it the one form.
        assert bits(np.where(nan, 0, one)) == bits(np.where(nan, 0, other.numpy()))


@pytest.mark.parametrize("wide", WIDES)
def test_masks_are_as_wide_as_the_type(wide):
    mine, theirs = NumpyKernels(wide), device.TorchKernels(wide)
    drawn = np.array([0, 5, 6, 65535], np.uint16)
    want = np.array([-1, -1, 0, 0], np.int32 if wide == "F32" else np.int64)
    assert bits(mine.below(drawn, 6)) == bits(want)
    assert bits(theirs.below(drawn, 6).numpy()) == bits(want)
    assert (mine.below(drawn, 65536) == -1).all()
    assert bits(theirs.mask(drawn < 6).numpy()) == bits(mine.mask(drawn < 6)) == bits(want)


def test_dropped_elements_are_positive_zero_whatever_they_held():
    for wide, dtype in WIDES.items():
        k = NumpyKernels(wide)
        held = np.array([np.nan, -np.inf, -0.0, -1.0], dtype)
        assert bits(k.keep(held, k.mask(np.zeros(4, bool)))) == bits(np.zeros(4, dtype))


def test_magnitudes_order_like_numbers_and_have_one_nan():
    for wide, dtype in WIDES.items():
        odd = np.array([-np.nan, np.inf, -2, 1, -0.0, 5e-45 if wide == "F32" else 5e-324], dtype)
        found = NumpyKernels(wide).magnitude(odd).tolist()
        assert sorted(found, reverse=True) == [found[i] for i in (0, 1, 2, 3, 5, 4)]
        assert found[0] == (0x7FC00000 if wide == "F32" else 0x7FF8000000000000)
        assert found[4] == 0
