"""Layers of models put together: which tensors of which models an output tensor is made of, where a recipe has slices.

docs/arithmetic.md, "Slices". Pure: names, shapes and configs in, names out. Frankenmerges, depth up-scaling and merges
whose slices differ are all this and nothing more; the arithmetic never learns of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from merger.recipe import Recipe
from merger.slices import Slice, is_layer, stands_before
from signing.canonical import Json
from signing.errors import Malformed

# What configs call the number of layers, and what else they say layer by layer.
COUNTS = ("num_hidden_layers", "n_layer", "num_layers")
BY_LAYER = ("layer_types", "mlp_layer_types", "layers_block_type", "no_rope_layers")

Configs = Mapping[str, Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a part: the artifact, its place among the recipe's parents (None: the base), and its layers.

    `names` maps the output's names to the artifact's own.
    """

    model: str
    parent: int | None
    names: Mapping[str, str]


Part = tuple[Input, ...]
"""The inputs that a range of output tensors is made of, the base first, then the parents in order."""


def parts(recipe: Recipe, names: Mapping[str, Iterable[str]], configs: Configs) -> tuple[Part, ...]:
    """Return the parts of the output: one per slice, or one of whole models where the recipe has no slices."""
    if recipe.slices is None:
        inputs = _named(recipe, ((i, "0") for i in range(len(recipe.parents))), "0")
        return (tuple(Input(m, parent, {name: name for name in names[m]}) for m, parent, _ in inputs),)
    split = {
        model: _Layers.of(model, found, layers_of(model, configs[model])) for model, found in names.items()
    }
    _check_one_stack(split.values())
    starts = [0, *accumulate(int(s.count) for s in recipe.slices)]
    last = len(recipe.slices) - 1
    found = []
    for at, (s, start) in enumerate(zip(recipe.slices, starts, strict=False)):
        inputs = _named(recipe, ((int(x.parent), x.first) for x in s.sources), s.base_first)
        found.append(
            tuple(
                Input(
                    m,
                    parent,
                    split[m].renamed(f"slices.{at}", int(first), int(s.count), start)
                    | {name: name for name in split[m].before if at == 0}
                    | {name: name for name in split[m].after if at == last},
                )
                for m, parent, first in inputs
            )
        )
    return tuple(found)


def counted(config: Mapping[str, Json]) -> int | None:
    """Return how many layers a config says a model has, None where it says nothing or two things."""
    said = [config[key] for key in COUNTS if key in config]
    alike = all(isinstance(one, int) and not isinstance(one, bool) and one == said[0] for one in said)
    return int(str(said[0])) if said and alike else None


def layers_of(model: str, config: Mapping[str, Json]) -> int:
    """Return how many layers a model's config says it has, or refuse it for slices."""
    count = counted(config)
    if count is None:
        said = [f"{key} {config[key]!r:.40}" for key in COUNTS if key in config]
        raise Malformed(
            f"{model}: config.json has {', '.join(said) or 'no ' + ' or '.join(COUNTS)}; slices need one number of layers"
        )
    return count


def sliced_config(recipe: Recipe, configs: Configs) -> dict[str, Json]:
    """Return the first model's config with the output's layers in it."""
    config = dict(configs[recipe.first])
    if recipe.slices is None:
        return config
    total = sum(int(s.count) for s in recipe.slices)
    for key in BY_LAYER:
        value = config.get(key)
        if isinstance(value, list) and len(value) == layers_of(recipe.first, config):
            config[key] = [
                one for at, s in enumerate(recipe.slices) for one in _elements(recipe, configs, key, at, s)
            ]
    return config | {key: total for key in COUNTS if key in config}


def _elements(recipe: Recipe, configs: Configs, key: str, at: int, s: Slice) -> Iterator[Json]:
    """Yield what the inputs of a slice's layers say of each, on which they agree."""
    inputs = list(_named(recipe, ((int(x.parent), x.first) for x in s.sources), s.base_first))
    for offset in range(int(s.count)):
        said = []
        for model, _, first in inputs:
            value = configs[model].get(key)
            if not isinstance(value, list) or len(value) != layers_of(model, configs[model]):
                raise Malformed(
                    f"config.json: {key} differs, {recipe.first} has one element per layer, {model} not"
                )
            said.append(value[int(first) + offset])
        for (model, _, _), one in zip(inputs, said, strict=True):
            if one != said[0]:
                raise Malformed(
                    f"slices.{at}: config.json says {key} {said[0]!r:.40} for a layer of {inputs[0][0]} and "
                    f"{one!r:.40} for that of {model} which it is merged with"
                )
        yield said[0]


def _named(
    recipe: Recipe, sources: Iterable[tuple[int, str]], base_first: str | None
) -> Iterator[tuple[str, int | None, str]]:
    if recipe.base is not None:
        yield recipe.base, None, base_first or "0"
    for parent, first in sources:
        yield recipe.parents[parent].model, parent, first


@dataclass(frozen=True, slots=True)
class _Layers:
    """One model's tensor names: by layer as (before, after) the layer's number, and those without one."""

    model: str
    stack: str | None
    layers: Mapping[int, Sequence[tuple[str, str]]]
    count: int
    before: Sequence[str]
    after: Sequence[str]

    @classmethod
    def of(cls, model: str, names: Iterable[str], count: int) -> _Layers:
        """Sort a model's tensors by layer, or say which of them leaves open what a layer is."""
        layers: dict[int, list[tuple[str, str]]] = {}
        before: list[str] = []
        after: list[str] = []
        stack: str | None = None
        for name in names:
            words = name.split(".")
            at = next((i for i, word in enumerate(words) if is_layer(word)), None)
            if at is None:
                (before if stands_before(name) else after).append(name)
                continue
            head, number, tail = ".".join(words[:at]), words[at], ".".join(words[at + 1 :])
            if str(int(number)) != number or int(number) >= count:
                raise Malformed(
                    f"{name} of {model}: its layer is {number!r:.40}, and config.json counts layers 0 to {count - 1}"
                )
            if stack not in (None, head):
                raise Malformed(
                    f"{model} has layers in {stack!r} and in {head!r}; slices are cut from models of one stack"
                )
            stack = head
            layers.setdefault(int(number), []).append((head, tail))
        return cls(model, stack, layers, count, before, after)

    def renamed(self, place: str, first: int, count: int, start: int) -> dict[str, str]:
        """Return `count` layers from `first` on as the output's layers from `start` on: new name to own name."""
        if first + count > self.count:
            raise Malformed(
                f"{place} takes layers {first} to {first + count - 1} of {self.model}, which has {self.count}"
            )
        found = {}
        for offset in range(count):
            if first + offset not in self.layers:
                raise Malformed(f"{place}: {self.model} has no tensor of its layer {first + offset}")
            for head, tail in self.layers[first + offset]:
                found[_joined(head, start + offset, tail)] = _joined(head, first + offset, tail)
        return found


def _joined(head: str, layer: int, tail: str) -> str:
    return ".".join(word for word in (head, str(layer), tail) if word)


def _check_one_stack(models: Iterable[_Layers]) -> None:
    stacks = {found.stack: found.model for found in models if found.stack is not None}
    if len(stacks) > 1:
        (one, mine), (other, theirs) = list(stacks.items())[:2]
        raise Malformed(
            f"{mine} has its layers in {one!r} and {theirs} in {other!r}; they cannot be put together"
        )
