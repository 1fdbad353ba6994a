"""Merges of unknown masks: what some mask allows is explained, what none does is not, and densities come out."""

from dataclasses import replace

import numpy as np
import pytest
from filling import packed, values
from making import add_all, write_model
from strategies import big

from merger.card import configs_of
from merger.chunks import Chunks
from merger.folder import describe
from merger.foreign import Explained, explain, rescales
from merger.kernels.blocks import NumpyKernels
from merger.methods import METHODS
from merger.plan import plan
from merger.recipe import Recipe
from merger.steps import Compute
from merger.weights import opened_weights
from signing.errors import Malformed

SIZE = 40000
DENSITIES = (0.3, 0.61)
SEED = np.random.Generator(np.random.PCG64(5))


@pytest.fixture
def opened(tmp_path):
    """Open a case of DARE: a base and two tunes of it with ordinary values; return chunks and the one step."""
    stack = []

    def run(method, dtype, **members):
        base = SEED.normal(size=SIZE) * 0.05
        models = [{"w": packed(base + SEED.normal(size=SIZE) * 0.01 * i, dtype)} for i in range(3)]
        case = replace(big(method, {}, ("F32", "F32", "F32")), models=tuple(models))
        folders = [write_model(tmp_path / str(i), model) for i, model in enumerate(models)]
        ids = list(add_all(folders))
        said = {**case.recipe, "base": ids[0], **members}
        said["parents"] = [p | {"model": ids[int(p["model"])]} for p in said["parents"]]
        recipe = Recipe.of(said)
        known = {one: describe(folder) for one, folder in zip(ids, folders, strict=True)}
        context = opened_weights(
            dict(zip(ids, folders, strict=True)), {one: (d.manifest, d.blocks) for one, d in known.items()}
        )
        weights = context.__enter__()
        stack.append(context)
        configs = configs_of(recipe, weights)
        steps = plan(recipe, {one: w.manifest for one, w in weights.items()}, configs)
        return Chunks(recipe, weights, NumpyKernels), steps.steps[0], [values(m["w"]) for m in models]

    yield run
    for context in stack:
        context.__exit__(None, None, None)


def foreign(models, rescale, dtype):
    """Merge as another engine would: masks of its own generator, its own order, in fp64."""
    base, *tuned = (np.asarray(m, np.float64) for m in models)
    out = base.copy()
    for x, w, density in zip(tuned, (0.7, -0.25), DENSITIES, strict=True):
        mask = SEED.random(SIZE) < density
        out += w * (x - base) * mask * rescale(density)
    return packed(out, dtype)[2]


@pytest.mark.parametrize("dtype", ["BF16", "F16"])
def test_masks_of_another_generator_are_explained_with_their_densities(opened, dtype):
    chunks, step, models = opened("dare_linear", dtype)
    stored = foreign(models, lambda density: 1 / density, dtype)
    ways = rescales(chunks.recipe.rules, step)
    assert list(ways) == ["65536/t", "1/density"]

    found = explain(chunks, step, 0, ways["1/density"], memoryview(stored))

    assert found.elements == SIZE
    assert found.share > 0.999
    for i, density in enumerate(DENSITIES):
        assert found.told[i] > SIZE / 2
        assert abs(found.density(i) - density) < 0.02


@pytest.mark.parametrize(("method", "dtype"), [("dare_linear", "BF16"), ("dare_ties", "F32")])
def test_our_own_merge_is_explained_whole_whatever_its_seed_was(opened, method, dtype):
    parents = big(method, {}, ("F32", "F32", "F32")).recipe["parents"]
    parents[1]["parameters"]["weight"] = "0.5"
    chunks, step, _ = opened(method, dtype, parents=parents)
    other = replace(step, keys=tuple(key + 1 for key in step.keys))
    stored = bytes(chunks.output(other, 0, other.scalars).data)
    found = explain(chunks, step, 0, step.scalars, memoryview(stored))
    assert found.explained == SIZE
    assert all(abs(found.density(i) - density) < 0.02 for i, density in enumerate(DENSITIES))


def test_a_clipped_merge_is_explained_by_clipped_values_only(opened):
    chunks, step, _ = opened("dare_linear", "F32", clip="1")
    stored = memoryview(bytes(chunks.output(step, 0, step.scalars).data))
    assert explain(chunks, step, 0, step.scalars, stored).explained == SIZE
    # A density of 0.3 takes 0.7 of a task vector to 2.3 times as far: the limit is met often.
    assert explain(chunks, replace(step, clip=None), 0, step.scalars, stored).share < 0.9


def test_a_parent_that_loses_every_election_it_is_alone_in_tells_nothing(opened):
    # With a negative weight the vote goes against the task vector: the element is the base's, kept or not.
    chunks, step, _ = opened("dare_ties", "F32")
    stored = chunks.output(step, 0, step.scalars).data
    found = explain(chunks, step, 0, step.scalars, memoryview(stored))
    assert found.explained == SIZE
    assert abs(found.density(0) - DENSITIES[0]) < 0.02
    assert found.density(1) is None


def test_what_no_mask_allows_is_not_explained(opened):
    chunks, step, models = opened("dare_ties", "F32")
    ours = bytes(chunks.output(step, 0, step.scalars).data)
    assert explain(chunks, step, 0, step.scalars, memoryview(ours)).share == 1

    average = packed(np.mean(models, axis=0), "F32")[2]
    assert explain(chunks, step, 0, step.scalars, memoryview(average)).share < 0.01

    altered = np.frombuffer(ours, np.float32).copy()
    altered[::10] *= 1.001
    found = explain(chunks, step, 0, step.scalars, memoryview(altered.tobytes()))
    assert found.explained == SIZE - SIZE // 10


def test_the_l1_norm_that_an_unknown_mask_keeps_comes_to_the_density(opened):
    shared = {"rescale": "l1", "lambda": "1", "normalize": False}
    chunks, step, models = opened("dare_linear", "BF16", parameters=shared)
    stored = foreign(models, lambda density: 1 / density, "BF16")
    ways = rescales(chunks.recipe.rules, step)
    assert list(ways) == ["1/density"]
    assert explain(chunks, step, 0, ways["1/density"], memoryview(stored)).share > 0.999


def test_what_is_kept_as_it_is_is_explained_by_no_other_factor(opened):
    shared = {"rescale": "none", "lambda": "1", "normalize": False}
    chunks, step, models = opened("dare_linear", "BF16", parameters=shared)
    stored = foreign(models, lambda _: 1, "BF16")
    ways = rescales(chunks.recipe.rules, step)
    assert list(ways) == ["1"]
    assert explain(chunks, step, 0, ways["1"], memoryview(stored)).share > 0.999


def test_a_density_of_whole_lanes_is_rescaled_in_one_way_only(opened):
    case = big("dare_ties", {}, ("F32", "F32", "F32")).each(density="0.5")
    chunks, step, _ = opened("dare_ties", "F32", parents=case.recipe["parents"])
    assert list(rescales(chunks.recipe.rules, step)) == ["65536/t"]


def test_what_cannot_be_tried_is_refused_by_name(opened):
    chunks, step, _ = opened("dare_ties", "F32")
    rules = chunks.recipe.rules
    with pytest.raises(Malformed, match="w: 9 parents have 2\\^9 masks; at most 8"):
        rescales(rules, replace(step, parents=step.parents[:1] * 9))
    with pytest.raises(Malformed, match="w: its method draws no random masks"):
        rescales(rules, replace(step, keys=()))
    with pytest.raises(Malformed, match="w: its factors are sums over the very masks"):
        rescales(METHODS["sce"], replace(step, sums=True))
    assert isinstance(step, Compute)


def test_counts_add_up_and_nothing_told_is_no_density():
    one = Explained(10, 9, (4, 0), (1, 0))
    total = one + Explained(10, 5, (4, 0), (3, 0))
    assert total == Explained(20, 14, (8, 0), (4, 0))
    assert (total.share, total.density(0), total.density(1)) == (0.7, 0.5, None)
    assert Explained(0, 0, (), ()).share == 1
