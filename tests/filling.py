"""Tensors for tests, stored as safetensors stores them: awkward values and ordinary ones, from a seed."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from merger.kernels import narrowing

Stored = tuple[str, tuple[int, ...], bytes]
Model = dict[str, Stored]


# What rounding, sign and order statistics can trip over; every one is a number of every floating type or rounds to one.
PALETTE = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0**-24,
    -(2.0**-133),
    1e-40,
    5e-324,
    1.0009765625,
    65504.0,
    -3.0,
)
ODD = (np.nan, np.inf, -np.inf, 3e38, -1e300)


def values(stored: Stored) -> np.ndarray:
    """Return a floating tensor's elements, flat, in fp32 or fp64."""
    return narrowing.widen(stored[2], stored[0])


def packed(array: Any, dtype: str, shape: Sequence[int] | None = None) -> Stored:
    """Return numbers as a stored tensor, rounded once."""
    array = np.asarray(array, np.float64)
    shape = tuple(array.shape if shape is None else shape)
    return dtype, shape, narrowing.narrow(array.reshape(-1), dtype).tobytes()


def filled(
    seed: int, dtype: str, shape: tuple[int, ...], odd: bool = False, near: Stored | None = None
) -> Stored:
    """Return a tensor of awkward and of ordinary values; `near` is the tensor that this one was tuned from."""
    random = np.random.Generator(np.random.PCG64(seed))
    size = int(np.prod(shape, dtype=int))
    array = np.round(random.normal(size=size) * 8) / 8 if seed % 2 else random.normal(size=size)
    if near is not None:
        # Half of a tuned tensor is the base's own, as in life; equal deltas meet at the threshold.
        array = np.where(random.random(size) < 0.5, values(near), values(near) + array / 16)
    spots = random.random(size) < 0.3
    array = np.where(spots, random.choice(PALETTE, size), array)
    if odd:
        array = np.where(random.random(size) < 0.15, random.choice(ODD, size), array)
    return packed(array, dtype, shape)
