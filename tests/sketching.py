"""A made-up base and fine-tunes of it as sketches hold them, and merges of those as their formulas are."""

import numpy as np

from merger.parentage import change, task
from merger.sketch import Drawn, Sketch

TENSORS, EACH = 12, 300
N = TENSORS * EACH


def tunes(seed, count, together=0.3):
    """Return a base and fine-tunes of it that resemble each other, as those of one base do."""
    random = np.random.Generator(np.random.PCG64(seed))
    base = random.standard_normal(N) * 0.05
    common = random.standard_normal(N)
    steps = [together * common + (1 - together) * random.standard_normal(N) for _ in range(count)]
    return base.astype("f4"), [(base + 3e-4 * one).astype("f4") for one in steps]


def sketched(values, *dtypes):
    """Sketch tensors of these types in turn, or of fp32."""
    parts = np.split(values.astype("f4"), TENSORS)
    types = (dtypes or ("F32",)) * TENSORS
    return Sketch("0" * 64, tuple(Drawn(f"t{i:02}", types[i], (EACH,), one) for i, one in enumerate(parts)))


def changed(child, base, dtype="F32"):
    return change(sketched(child, dtype), base.astype("f8"))


def tasks(base, models):
    return {f"m{i}": task(one.astype("f8"), base.astype("f8")) for i, one in enumerate(models)}


def linear(base, models, weights):
    return (base + sum(w * (m - base) for w, m in zip(weights, models, strict=True))).astype("f4")


def dare(base, models, weights, density=0.5, seed=1):
    random = np.random.Generator(np.random.PCG64(seed))
    kept = [random.random(N) < density for _ in models]
    parts = [w * k * (m - base) / np.float32(density) for w, m, k in zip(weights, models, kept, strict=True)]
    return (base + sum(parts)).astype("f4")


def ties(base, models, weights, density=0.5):
    deltas = []
    for model, weight in zip(models, weights, strict=True):
        delta = model - base
        delta[np.abs(delta) < np.quantile(np.abs(delta), 1 - density)] = 0
        deltas.append((weight, delta))
    elected = np.sign(sum(w * d for w, d in deltas))
    agree = [(w, d * (np.sign(d) == elected)) for w, d in deltas]
    mass = sum(w * (d != 0) for w, d in agree)
    return (base + sum(w * d for w, d in agree) / np.maximum(mass, 1e-9)).astype("f4")


METHODS = {"linear": linear, "dare": dare, "ties": ties}
