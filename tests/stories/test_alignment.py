"""A model trained from another start is laid on the first: it computes the same, and then it can be averaged."""

import numpy as np
import pytest
from aligning import answers, model, ordered, shuffled, weights
from making import write_model
from strategies import tensors
from world import World

from merger.folder import describe
from merger.replay import Same
from merger.symmetry import symmetries
from registry.work.add import Declared, add
from registry.work.align import align, paired
from registry.work.attribute import weigh
from registry.work.engine import NUMPY
from registry.work.logged import find
from registry.work.make import make
from registry.work.prepared import prepare
from registry.work.sample import check


class Litter:
    """Two models that are the same but for the order of their units, and what is made of them."""

    def __init__(self, world: World, kind: str) -> None:
        self.world, self.made = world, model(kind)
        config = {k: v for k, v in self.made.config.to_dict().items() if v is not None}
        self.held = weights(self.made)
        found = symmetries(config, {name: x.shape for name, x in self.held.items()})
        self.other = ordered(self.held, found, shuffled(found, 11))
        self.one, self.two = (self._add(x, i, config) for i, x in enumerate((self.held, self.other)))

    def _add(self, held: dict[str, np.ndarray], at: int, config: dict) -> str:
        stored = {
            n: ("F32" if x.dtype == np.float32 else "I64", x.shape, x.tobytes()) for n, x in held.items()
        }
        folder = write_model(self.world.folder / f"litter-{at}", stored, config)
        return add(self.world.home, folder, Declared()).description.artifact

    def aligned(self, **how: float) -> str:
        folder = self.world.folder / f"alignment-{'-'.join(how)}"
        with paired(self.world.home, self.one, self.two) as pair:
            return align(self.world.home, pair, folder, Declared(), **how).added.description.artifact

    def merge(self, name: str, *lines: str) -> str:
        prepared = prepare(self.world.home, "\n".join(lines).encode())
        return make(self.world.home, prepared, self.world.folder / name).result.artifact

    def read(self, name: str) -> dict[str, np.ndarray]:
        data = (self.world.folder / name / "model.safetensors").read_bytes()
        found = tensors({"model.safetensors": data})
        types = {"F32": "<f4", "I64": "<i8"}
        return {n: np.frombuffer(raw, types[t]).reshape(shape) for n, (t, shape, raw) in found.items()}


@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_a_model_is_laid_on_another_and_averaged_with_it(world: World, kind: str) -> None:
    litter = Litter(world, kind)
    statistics = litter.aligned()
    permuted = litter.merge(
        "permuted",
        "merge_method: permute",
        "models:",
        f"  - {{model: '{litter.two}', statistics: '{statistics}'}}",
    )
    soup = litter.merge(
        "soup",
        "merge_method: linear",
        "models:",
        *(f"  - {{model: '{one}', parameters: {{weight: 0.5}}}}" for one in (litter.one, permuted)),
    )

    laid, mean = litter.read("permuted"), litter.read("soup")
    assert sum(not np.array_equal(litter.other[name], x) for name, x in litter.held.items()) > 10
    assert all(np.array_equal(laid[name], x) for name, x in litter.held.items())
    assert all(np.array_equal(mean[name], x) for name, x in litter.held.items())
    assert describe(world.folder / "permuted").artifact == permuted

    from transformers import AutoModel

    loaded = AutoModel.from_pretrained(world.folder / "permuted").eval()
    before, after = answers(litter.made, litter.other), answers(loaded, weights(loaded))
    assert np.abs(before).max() > 0.1
    np.testing.assert_allclose(after, before, rtol=2e-4, atol=2e-5)

    assert world.descendants(statistics) == {permuted, soup}
    assert isinstance(world.rebuild(permuted).outcome, Same)
    assert check(world.home, find(world.home, permuted), 5, NUMPY).sampled.same
    world.check()


def test_a_weight_of_a_permuted_model_is_followed_to_where_it_was(world: World) -> None:
    litter = Litter(world, "llama")
    statistics = litter.aligned()
    permuted = litter.merge(
        "permuted",
        "merge_method: permute",
        "models:",
        f"  - {{model: '{litter.two}', statistics: '{statistics}'}}",
    )
    weight = weigh(world.home, find(world.home, permuted), "layers.0.mlp.down_proj.weight[3,7]")
    assert weight.same
    place = weight.derived.source.partition("[")[2].partition("]")[0]
    row, column = map(int, place.split(","))
    assert (row, weight.stored) == (3, litter.other["layers.0.mlp.down_proj.weight"][3, column])
    assert column != 7


def test_a_transport_that_is_nearly_an_order_nearly_gives_the_model_back(world: World) -> None:
    litter = Litter(world, "llama")
    statistics = litter.aligned(softness=0.001)
    litter.merge(
        "mixed",
        "merge_method: transport",
        "models:",
        f"  - {{model: '{litter.two}', statistics: '{statistics}'}}",
    )
    # Heads' parts stay in order where units are mixed, so only what has no parts comes back.
    for name, x in litter.read("mixed").items():
        if "mlp" in name:
            np.testing.assert_allclose(x, litter.held[name], atol=1e-4)
        elif "self_attn" not in name:
            assert np.array_equal(x, litter.held[name])
    world.check()
