"""Statistics of models for tests: made up of the models' own bytes, so that one model has the same ones everywhere."""

from collections.abc import Callable, Mapping

import numpy as np
from filling import Model, Stored, packed

from merger.manifest import FLOATS, SIZES


def mixed(numbers: np.ndarray) -> np.ndarray:
    """Return whole numbers scattered by integer arithmetic alone (Knuth's multiplicative hash), below 2^20."""
    folded = numbers.astype(np.uint64)
    folded ^= folded >> np.uint64(17) ^ folded >> np.uint64(37)
    return folded * np.uint64(2654435761) % np.uint64(1 << 32) >> np.uint64(12)


def fisher(name: str, stored: Stored) -> Stored:
    """Statistics of every element alone, so that they move with it: none, tiny, ordinary, and some below zero."""
    dtype, shape, data = stored
    patterns = mixed(np.frombuffer(data, f"<u{SIZES[dtype]}"))
    scales = np.array([0.0, 2.0**-140, 2.0**-20, 1.0, 1.0, 1.0, 64.0, -1.0])
    spread = (patterns >> np.uint64(3)) % np.uint64(1000) + np.uint64(1)
    array = scales[patterns % np.uint64(8)] * spread.astype(np.float64)
    return packed(array, ("F32", "F64", "BF16", "F32")[len(name) % 4], shape)


def gram(name: str, stored: Stored) -> Stored | None:
    """XᵀX of small whole numbers, some columns of them zero, for matrices that are neither heads nor wide."""
    _, shape, data = stored
    if len(shape) != 2 or 0 in shape or shape[1] > 1000 or "head" in name:
        return None
    rows, inputs = shape[1] + 3, shape[1]
    seed = int(np.frombuffer(data, "u1").sum(dtype=np.uint64))
    x = (mixed(np.arange(rows * inputs) + seed) % np.uint64(9)).astype(np.int64).reshape(rows, inputs) - 4
    x[:, mixed(np.arange(inputs) + seed + 1) % np.uint64(11) == 0] = 0
    return packed(x.T @ x, ("F32", "F64")[len(name) % 2])


MEASURED: dict[str, Callable[[str, Stored], Stored | None]] = {"fisher": fisher, "gram": gram}
"""What every kind of statistics says of a tensor, in these tests; None where it says nothing."""


def permutation(name: str, axis: int, size: int) -> Stored | None:
    """An order of some axes."""
    if (len(name) + axis) % 3 == 0:
        return None
    order = np.argsort(mixed(np.arange(size) + 1000 * axis + len(name)), kind="stable")
    return "I64", (size,), order.astype("<i8").tobytes()


def transport(name: str, axis: int, size: int) -> Stored | None:
    """Mixtures along some axes that are short, in eighths, with rows of zeros and an order among them."""
    if (len(name) + axis) % 3 == 0 or size > 64:
        return None
    if axis == 1:
        return packed(np.eye(size)[::-1], "BF16")
    eighths = mixed(np.arange(size * size) + 77 * axis) % np.uint64(11)
    return packed(eighths.reshape(size, size).astype(np.float64) / 8 - 0.5, ("F32", "F64")[len(name) % 2])


BY_AXIS: dict[str, Callable[[str, int, int], Stored | None]] = {
    "permutation": permutation,
    "transport": transport,
}
"""What kinds of statistics that are by axis say of one of a tensor's axes, of so many indices."""


def measured(kind: str, model: Mapping[str, Stored]) -> Model:
    """Return statistics of a model: made up, but the same ones wherever the model is the same."""
    if kind in BY_AXIS:
        axes = {
            f"{name}.{axis}": BY_AXIS[kind](name, axis, size)
            for name, (dtype, shape, _) in model.items()
            for axis, size in enumerate(shape if dtype in FLOATS else ())
        }
        return {name: stored for name, stored in axes.items() if stored is not None}
    found = {name: MEASURED[kind](name, stored) for name, stored in model.items() if stored[0] in FLOATS}
    return {name: stored for name, stored in found.items() if stored is not None}
