"""Many parents at once, and beside them tensors that are empty, without dimensions, or no floats."""

from dataclasses import replace

import pytest
from filling import filled
from strategies import MODELS, big, long_ones, on_disk

from merger.kernels.compiled import CompiledKernels
from merger.methods import METHODS

SHAPES = {"model.layers.0.w": (40, 33), "model.layers.1.w": (70000,), "model.norm": (), "none": (0, 3)}
IDS = ("I64", (2,), bytes(16))


def crowd(method: str, count: int):
    """A case of so many parents, each a model of its own, with integers that all of them share."""
    # Directions of tensors as small as the palette of odd values has them have factors beyond fp32.
    case = big(method, SHAPES, ("F32", "BF16", "F32"), dtype="float32", allow_nonfinite=True)
    base = case.models[0]
    tuned = [{n: filled(20 + i, "F32", s, near=base[n]) for n, s in SHAPES.items()} for i in range(count)]
    own = case.parents[0]["parameters"]
    parents = [{"model": str(i + 1), "parameters": own} for i in range(count)]
    models = tuple(one | {"ids": IDS} for one in (base, *tuned))
    return replace(case, models=models).but(parents=parents)


@pytest.mark.parametrize(
    "method",
    long_ones(m for m in MODELS if METHODS[m].parents[1] is None and METHODS[m].statistics is None),
)
def test_twenty_parents_are_merged_the_same_every_way(method):
    case = crowd(method, 20)
    with on_disk() as disk:
        first = disk.make(case, threads=1)
        assert disk.make(case, threads=4, kernels=CompiledKernels).result == first.result
        assert disk.second(case) == {name: data for name, data in first.files.items() if name != "README.md"}
