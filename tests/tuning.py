"""A made-up base and fine-tunes of it that resemble each other, on disk: large enough for weights to say something."""

from pathlib import Path

import numpy as np
from making import floats, write_model

TENSORS, SHAPE = 12, (20, 15)


def weights(seed: int, tune: int | None = None) -> dict[str, np.ndarray]:
    """Return the tensors of the base, or of one of its tunes."""
    found = {}
    for place in range(TENSORS):
        base = _drawn(seed, place, 0) * 0.05
        if tune is not None:
            base = base + 3e-4 * (0.3 * _drawn(seed, place, 1) + 0.7 * _drawn(seed, place, 2 + tune))
        found[f"layers.{place}.weight"] = base.astype("f4")
    return found


def write(folder: Path, tensors: dict[str, np.ndarray], dtype: str = "F32") -> Path:
    """Write tensors as a model."""
    return write_model(
        folder, {name: (dtype, one.shape, floats(one, dtype)) for name, one in tensors.items()}
    )


def _drawn(*key: int) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(key)).standard_normal(SHAPE)
