"""Row maps, statistics, clips and types together: every way to make, check and explain a merge says the same."""

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import make
from reference import second
from strategies import FORMATS, LAW, MODELS, cases, on_disk, tensors
from vocabularies import worded

from merger.attribution import attribute
from merger.card import configs_of, templates_of, vectors_of
from merger.chunks import Chunks
from merger.claim import Claim
from merger.cost import cost
from merger.explain import groups
from merger.folder import describe
from merger.kernels.blocks import NumpyKernels
from merger.kernels.compiled import CompiledKernels
from merger.measure import Measured
from merger.methods import METHODS
from merger.plan import Compute, elements, plan
from merger.recipe import Recipe
from merger.sample import sample
from merger.weights import opened_weights
from merger.witness import claimed, entries
from signing.errors import Refused

MOST = 1 << 20
R = TypeVar("R")


@pytest.mark.parametrize("method", MODELS)
@given(data=st.data())
@settings(LAW, max_examples=6)
def test_whatever_stands_in_one_recipe_every_look_at_the_merge_agrees(
    method: str, data: st.DataObject
) -> None:
    rules = METHODS[method]
    optional: dict[str, st.SearchStrategy[Any]] = {"dtype": FORMATS, "out_dtype": FORMATS}
    if rules.whole is None:
        optional["clip"] = st.sampled_from(["1", "1.5", [{"contains": "w", "value": "1"}, {"value": "2"}]])
    members = data.draw(st.fixed_dictionaries({"shard_bytes": st.just("100")}, optional=optional))
    with ExitStack() as stack:
        disk = stack.enter_context(on_disk())
        if rules.statistics is None:
            case = data.draw(worded(method))
            said, folders = replace(case, recipe=case.recipe | members).write(disk.root / "worded")
        else:
            said, folders = disk.recipe(data.draw(cases(method)).but(**members)), disk.folders
        made = _tried(lambda: make(Recipe.of(said), folders), Refused)
        compiled = _tried(lambda: make(Recipe.of(said), folders, kernels=CompiledKernels, threads=1), Refused)
        again = _tried(lambda: second.files(said, folders), ValueError)
        if made is None or compiled is None:
            assert made is compiled is again
            return
        assert (compiled.files, compiled.result.account) == (made.files, made.result.account)
        files = {name: raw for name, raw in made.files.items() if name != "README.md"}
        assert again == files
        claim = Claim(made.result.manifest, made.result.blocks, json.loads(made.result.account))
        _check_looks(Recipe.of(said), folders, claim, files, data)


def _tried(work: Callable[[], R], refusal: type[Exception]) -> R | None:
    """Return what comes of some work, or None where it is refused."""
    try:
        return work()
    except refusal:
        return None


def _check_looks(
    recipe: Recipe, folders: Mapping[str, Path], claim: Claim, files: Mapping[str, bytes], data: st.DataObject
) -> None:
    """Hold the sample, the parts of single weights, the words and the cost of a merge to its files."""
    known = {artifact: describe(folders[artifact]) for artifact in recipe.artifacts()}
    pairs = {artifact: (one.manifest, one.blocks) for artifact, one in known.items()}
    with opened_weights({artifact: folders[artifact] for artifact in known}, pairs) as weights:
        manifests = {artifact: one.manifest for artifact, one in known.items()}
        configs = configs_of(recipe, weights)
        steps = plan(recipe, manifests, configs, vectors_of(recipe, weights), templates_of(recipe, weights))
        assert sum(group.count for group in groups(steps)) == len(steps.steps)
        assert cost(steps, manifests).writes == sum(group.size for group in groups(steps))
        assert sample(steps, weights, claim, NumpyKernels, MOST, lambda below: below - 1).faults == ()
        said, stored, chunks = (
            entries(steps, claim.account),
            tensors(files),
            Chunks(recipe, weights, NumpyKernels),
        )
        for step in (step for step in steps.steps if elements(step)):
            measured = claimed(chunks, step, said[step.name]) if isinstance(step, Compute) else Measured(None)
            flat = data.draw(st.integers(0, elements(step) - 1))
            found = attribute(chunks, step, measured, flat).data
            assert found == stored[step.name][2][flat * len(found) :][: len(found)]
