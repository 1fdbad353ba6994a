"""Merges of real fine-tunes, executed for real, and what their sketches are."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice, permutations
from pathlib import Path

from merger.card import configs_of, templates_of, vectors_of
from merger.execute import execute
from merger.folder import Description, describe
from merger.kernels.compiled import CompiledKernels
from merger.plan import plan
from merger.recipe import Recipe
from merger.sketch import Sketch, sketch
from merger.stage import staged
from merger.weights import opened_weights

METHODS = ("linear", "slerp", "ties", "dare_linear")


@dataclass(frozen=True)
class Model:
    folder: Path
    description: Description
    sketch: Sketch


@dataclass(frozen=True)
class Case:
    method: str
    weight: str
    declared: str
    hidden: str
    sketch: Sketch


def taken(folder: Path) -> Model:
    described = describe(folder)
    with opened_weights({"it": folder}, {"it": (described.manifest, described.blocks)}) as weights:
        return Model(folder, described, sketch(weights["it"]))


def merged(method: str, origin: Model, first: Model, second: Model, weight: str, seed: int) -> Sketch:
    """Merge for real, the second at `weight` and the first at the rest, and sketch what comes out."""
    rest = f"{1 - float(weight):.2f}".rstrip("0")
    models = {one.description.artifact: one for one in (origin, first, second)}
    ids = [first.description.artifact, second.description.artifact]
    own = [{"weight": rest}, {"weight": weight}]
    said: dict = {"arithmetic": "1", "method": method, "dtype": "float32", "parameters": {}}
    match method:
        case "slerp":
            own, said["parameters"] = [{}, {}], {"t": weight}
        case "linear":
            said["parameters"] = {"normalize": True}
        case "ties":
            own = [one | {"density": "0.5"} for one in own]
            how = {
                "lambda": "1",
                "scope": "tensor",
                "vote": "weighted",
                "divide": "weights",
                "rescale": "none",
            }
            said |= {"base": origin.description.artifact, "parameters": how}
        case _:
            own = [one | {"density": "0.5"} for one in own]
            said |= {"base": origin.description.artifact, "seed": str(seed)}
            said["parameters"] = {"normalize": False, "lambda": "1", "rescale": "density"}
    said["parents"] = [{"model": one, "parameters": how} for one, how in zip(ids, own, strict=True)]
    recipe = Recipe.of(said)
    wanted = {one: models[one].folder for one in recipe.artifacts()}
    known = {one: (models[one].description.manifest, models[one].description.blocks) for one in wanted}
    with tempfile.TemporaryDirectory(dir="/dev/shm") as temporary:
        out = Path(temporary) / "out"
        with opened_weights(wanted, known) as weights, staged(out, recipe.digest) as stage:
            manifests = {one: w.manifest for one, w in weights.items()}
            read = (configs_of(recipe, weights), vectors_of(recipe, weights), templates_of(recipe, weights))
            result = execute(plan(recipe, manifests, *read), weights, stage, CompiledKernels, threads=2)
            stage.release(out)
        with opened_weights({"it": out}, {"it": (result.manifest, result.blocks)}) as weights:
            return sketch(weights["it"])


def cases(origin: Model, models: Mapping[str, Model], count: int, weights: tuple[str, ...]) -> Iterator[Case]:
    """Yield so many merges, methods and weights in turn, of as many pairs."""
    pairs = cycle(permutations(sorted(models), 2))
    ways = cycle((method, weight) for weight in weights for method in METHODS)
    # Pairs of one topic and of two come in turn.
    for number, ((first, second), (method, weight)) in enumerate(
        zip(islice(pairs, 0, 7 * count, 7), ways, strict=False)
    ):
        found = merged(method, origin, models[first], models[second], weight, number)
        yield Case(method, weight, first, second, found)
