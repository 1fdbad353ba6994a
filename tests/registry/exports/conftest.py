"""A small kennel to export: a merge of two tunes of a base whose own parent nobody saw, and what was measured on it."""

from collections.abc import Mapping

import pytest
from world import World

from lineage.checks import Evaluated
from lineage.predicates import derivation, evaluation

STUB = "hf:Someone/Base@" + "0f" * 20


@pytest.fixture
def family(world: World) -> Mapping[str, str]:
    world.decide(shut=False)  # what it inherits contradicts its name
    base = world.model(name="kennel/base", license="apache-2.0")
    world.publish("publisher", derivation.statement(base, [derivation.Parent(STUB, "finetune")]))
    left, right = world.model(base, license="llama3"), world.model(base)
    merged = world.model(left, right, relation="merge", name="kennel/merged@v1")
    measured = Evaluated(merged, "PASSED", "a" * 64, "harness 1", "accuracy", "0.5", n=10, seed=None)
    world.publish("builder", evaluation.statement(measured))
    below = world.model(merged, relation="quantize", license="mit")
    return {"stub": STUB, "base": base, "left": left, "right": right, "merged": merged, "below": below}
