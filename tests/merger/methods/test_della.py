"""DELLA: which share each rank is kept with, exactly; what is kept, divided by it; and what cannot be a share."""

from fractions import Fraction

import numpy as np
import pytest
from filling import packed, values
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAW, Case, big, on_disk, tensors

from merger.foreign import explain, rescales
from merger.kernels.blocks import NumpyKernels
from merger.magprune import bounds, lane_steps
from merger.method import Values
from merger.methods import METHODS
from merger.seeds import lanes, mask_key
from signing.errors import Malformed

LINEAR = {"lambda": "1", "rescale": "density", "normalize": False}
ELECTED = {"lambda": "1", "rescale": "density", "vote": "weighted", "divide": "none"}


def merged(models, own, shared=None, method="della_linear", **members):
    """Merge onto the first model; return its artifact ids and the result's elements."""
    recipe = {
        "arithmetic": "1",
        "method": method,
        "base": "0",
        "parents": [{"model": str(i + 1), "parameters": {"weight": "1"} | p} for i, p in enumerate(own)],
        "parameters": shared or (LINEAR if method == "della_linear" else ELECTED),
        "seed": "7",
        "shard_bytes": "5000000000",
        "allow_nonfinite": False,
    } | members
    case = Case(tuple({"w": one} for one in models), recipe)
    with on_disk() as disk:
        ids = [parent["model"] for parent in disk.recipe(case)["parents"]]
        return ids, values(disk.tensors(case)["w"])


def t_of(row, density, epsilon):
    """Return t of every element of a row of task vectors, from the page's formula and a plain sort."""
    order = sorted(range(len(row)), key=lambda i: (abs(row[i]), i))
    d, e, last = Fraction(density), Fraction(epsilon), len(row) - 1
    found = [0] * len(row)
    for r, i in enumerate(order):
        found[i] = int(65536 * (d - e) + (131072 * e * r / last if last else 65536 * e))
    return found


def test_a_row_of_five_by_hand():
    # density 1/2 and epsilon 1/4: shares 1/4, 3/8, 1/2, 5/8 and 3/4 by rising magnitude, equals by rising index.
    found = bounds(
        NumpyKernels("F32"),
        Values([{"density": "0.5", "epsilon": "0.25"}], {}),
        np.float32([[1, 1, 1, 1, 1]]),
        [np.float32([[1.5, 1, 3, -1, 1.5]])],
    )
    assert (found[0] / 65536).tolist() == [[0.375, 0.25, 0.625, 0.75, 0.5]]


@given(
    pair=st.sampled_from(
        [
            ("0.3", "0.1"),
            ("0.5", "0.4999"),
            ("0.25", "0.000001"),
            ("0.123456789123456789", "0.05"),
            ("0.5", "0"),
        ]
    ),
    size=st.sampled_from([1, 2, 3, 17, 1000, 70001]),
)
@settings(LAW, max_examples=25)
def test_the_share_of_every_rank_is_exact(pair, size):
    lowest, steps = lane_steps(*pair, size)
    found = lowest + np.searchsorted(steps, np.arange(size), side="right")
    assert found.tolist() == t_of(range(size), *pair)


@pytest.mark.parametrize("dtype", ["F32", "F64"])
@given(seed=st.integers(0, 1 << 32), shape=st.sampled_from([(4, 33), (7,), (2, 3, 1), ()]))
@settings(LAW, max_examples=10)
def test_what_is_kept_is_divided_by_the_share_of_its_rank(dtype, seed, shape):
    random = np.random.Generator(np.random.PCG64(seed))
    base = np.round(random.normal(size=shape) * 4) / 4
    tuned = base + np.round(random.normal(size=shape) * 4) / 4
    wide = np.float64 if dtype == "F64" else np.float32
    delta = (tuned - base).astype(wide).reshape(-1)

    models = [packed(base, dtype), packed(tuned, dtype)]
    (parent,), got = merged(models, [{"weight": "0.75", "density": "0.5", "epsilon": "0.3"}])

    rows = delta.reshape(-1, shape[-1] if shape else 1)
    t = np.array([t_of(row, "0.5", "0.3") for row in rows.tolist()]).reshape(-1)
    kept = lanes(mask_key("7", "w", parent, 0), 0, delta.size).astype(np.int64) < t
    v = np.where(kept, (wide(65536) / t.astype(wide)) * delta, wide(0))
    want = base.astype(wide).reshape(-1) + wide(0.75) * v
    if np.array_equal(models[0][2], models[1][2]):
        want = base.astype(wide).reshape(-1)
    assert got.tolist() == want.tolist()


def test_the_larger_are_kept_more_often_and_all_as_often_as_density_says():
    random = np.random.Generator(np.random.PCG64(3))
    base, tuned = np.zeros((400, 500)), random.normal(size=(400, 500))
    own = {"density": "0.4", "epsilon": "0.3"}
    _, got = merged([packed(base, "F32"), packed(tuned, "F32")], [own], LINEAR | {"rescale": "none"})
    kept = (got.reshape(400, 500) != 0)[np.arange(400)[:, None], np.argsort(np.abs(tuned), axis=1)]
    assert abs(kept.mean() - 0.4) < 0.005
    assert abs(kept[:, :50].mean() - 0.13) < 0.01
    assert abs(kept[:, -50:].mean() - 0.67) < 0.01


def test_della_elects_among_what_is_kept():
    # Density 1 keeps all, whatever epsilon is: of each element the positive sum wins, and loses where it is smaller.
    models = [packed(v, "F32") for v in ([0, 0], [3, 1], [-1, -4])]
    _, got = merged(models, [{"density": "1", "epsilon": "0.5"}] * 2, method="della")
    assert got.tolist() == [3, -4]


@pytest.mark.parametrize("method", ["della", "della_linear"])
@pytest.mark.parametrize(
    ("density", "epsilon", "said"),
    [
        ("0.7", "0.4", "density 0.7 and epsilon 0.4 keep the largest elements more often than always"),
        ("0.3", "0.3", "density 0.3 and epsilon 0.3 keep fewer than one in 65536 of the smallest"),
        ("0.3", "0.4", "density 0.3 and epsilon 0.4 keep fewer"),
        ("0.3", "0.299999", "keep fewer than one in 65536"),
        ("0.3", "1.1", "epsilon is 1.1; it must be at least 0 and at most 1"),
    ],
)
@pytest.mark.parametrize("rescale", ["density", "l1"])
def test_pairs_that_are_no_shares_are_refused_before_anything_is_read(
    method, density, epsilon, said, rescale
):
    shared = (LINEAR if method == "della_linear" else ELECTED) | {"rescale": rescale}
    models = [packed([0, 0], "F32"), packed([1, 2], "F32")]
    with pytest.raises(Malformed, match=said):
        merged(models, [{"density": density, "epsilon": epsilon}], shared, method)
    # What is copied asks nobody.
    if "must be" not in said:
        same = [models[0], models[0]]
        assert merged(same, [{"density": density, "epsilon": epsilon}], shared, method)[1].tolist() == [0, 0]


@pytest.mark.parametrize("method", ["della", "della_linear"])
@pytest.mark.parametrize("rescale", ["density", "none"])
def test_unknown_masks_are_looked_for_with_the_shares_of_the_ranks(method, rescale):
    case = big(method, {"w": (40, 500)}, ("F32", "F32", "F32")).shared(rescale=rescale)
    with on_disk() as disk:
        other = disk.make(case.but(seed="8")).files
        with disk.opened(case) as (chunks, steps):
            (step,) = steps
            ways = rescales(METHODS[method], step)
            assert list(ways) == ["65536/t" if rescale == "density" else "1"]
            stored = memoryview(tensors(other)["w"][2])
            found = explain(chunks, step, 0, step.scalars, stored)
            assert found.explained == found.elements == 20000
            altered = (np.frombuffer(stored, np.float32) * np.float32(1.01)).tobytes()
            assert explain(chunks, step, 0, step.scalars, memoryview(altered)).share < 0.2


def test_an_l1_norm_that_depends_on_unknown_masks_is_refused():
    case = big("della_linear", {"w": (4, 50)}, ("F32", "F32", "F32")).shared(rescale="l1")
    said = pytest.raises(Malformed, match="w: its factors are sums over the very masks")
    with on_disk() as disk, disk.opened(case) as (chunks, (step,)), said:
        rescales(chunks.recipe.rules, step)
