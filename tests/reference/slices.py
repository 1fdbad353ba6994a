"""Which tensors make each output tensor: those of its name, or, by slices, those of other layers."""

import re
from dataclasses import dataclass
from typing import Any

import rfc8785
from reference.adapters import Input
from reference.form import layer_of, stands_before
from reference.stored import need
from reference.vocabulary import is_vocabulary

COUNTS = ("num_hidden_layers", "n_layer", "num_layers")
PER_LAYER = ("layer_types", "mlp_layer_types", "layers_block_type", "no_rope_layers")

Model = dict[str, Input]


@dataclass(frozen=True)
class Inputs:
    """What one output tensor is made of: the base's tensor and the parents', by place in the recipe."""

    base: Input | None
    parents: dict[int, Input]


def whole(base: Model | None, parents: list[Model], mapped: bool) -> dict[str, Inputs]:
    """Without slices: every model holds the same names with the same shapes."""
    models = parents if base is None else [base, *parents]
    fit(models, mapped)
    return {
        name: Inputs(base and base[name], {place: parent[name] for place, parent in enumerate(parents)})
        for name in models[0]
    }


def fit(models: list[Model], mapped: bool) -> None:
    """Refuse models that do not hold the same tensor names with the same shapes as the first."""
    for model in models[1:]:
        if different := models[0].keys() ^ model.keys():
            raise ValueError(f"tensor {min(different)!r} is not in every model")
        for name, one in model.items():
            shapes = models[0][name].tensor.shape, one.tensor.shape
            rows = mapped and is_vocabulary(name)  # these may differ in number
            same = shapes[0][rows:] == shapes[1][rows:]
            need(same, f"tensor {name!r} has shapes {shapes[0]} and {shapes[1]}")


@dataclass(frozen=True)
class Layered:
    """A model by layers: how their names begin, how many the config counts, tensors by layer and by name."""

    model: Model
    config: dict[str, Any]
    count: int
    begins: set[str]

    @staticmethod
    def of(model: Model, config: dict[str, Any]) -> "Layered":
        """Refuse a model whose layers are not those that its config counts."""
        counts = [config[key] for key in COUNTS if key in config]
        good = all(isinstance(count, int) and not isinstance(count, bool) for count in counts)
        need(bool(counts) and good and len(set(counts)) == 1, f"the config does not count layers: {counts}")
        around = [found for found in map(layer_of, model) if found is not None]
        for _, layer, _ in around:
            need(re.fullmatch("0|[1-9][0-9]*", layer) is not None, f"layer {layer} has leading zeros")
            need(int(layer) < counts[0], f"layer {layer} is not of the {counts[0]} that the config counts")
        return Layered(model, config, counts[0], {begin for begin, _, _ in around})

    def layer(self, number: int, called: int) -> Model:
        """The tensors of a layer, named as those of another."""
        need(number < self.count, f"layer {number} is not of the {self.count} that the config counts")
        found = {}
        for name, one in self.model.items():
            around = layer_of(name)
            if around is not None and int(around[1]) == number:
                found[f"{around[0]}{called}{around[2]}"] = one
        need(bool(found), f"layer {number} has no tensor")
        return found

    def around(self, before: bool) -> Model:
        """The tensors before or after the layers."""
        rest = {name: one for name, one in self.model.items() if layer_of(name) is None}
        return {name: one for name, one in rest.items() if stands_before(name) == before}


def sliced(
    slices: list[dict[str, Any]], base: Layered | None, parents: list[Layered], mapped: bool
) -> dict[str, Inputs]:
    """By slices: each output layer from layers of the sources and of the base, the rest from first and last."""
    begins = {begin for one in [*parents, *([base] if base else [])] for begin in one.begins}
    need(len(begins) <= 1, f"tensors of layers begin differently: {sorted(begins)}")
    out: dict[str, Inputs] = {}

    def made(base: Model | None, sources: dict[int, Model]) -> None:
        models = [*([base] if base is not None else []), *sources.values()]
        fit(models, mapped)
        for name in models[0]:
            out[name] = Inputs(base and base[name], {place: one[name] for place, one in sources.items()})

    layer = 0
    for at, piece in enumerate(slices):
        places = {int(source["parent"]): int(source["first"]) for source in piece["sources"]}
        for k in range(int(piece["count"])):
            own = base and base.layer(int(piece["base_first"]) + k, layer)
            made(own, {place: parents[place].layer(first + k, layer) for place, first in places.items()})
            layer += 1
        for before in (True, False):
            if at == (0 if before else len(slices) - 1):
                made(base and base.around(before), {place: parents[place].around(before) for place in places})
    return out


def layered_config(
    config: dict[str, Any], slices: list[dict[str, Any]], base: Layered | None, parents: list[Layered]
) -> dict[str, Any]:
    """The config of the result: how many layers it has, and what it says of each."""
    out = dict(config)
    own = next(config[key] for key in COUNTS if key in config)
    total = sum(int(piece["count"]) for piece in slices)
    out |= {key: total for key in COUNTS if key in config}
    for key in PER_LAYER:
        if isinstance(config.get(key), list) and len(config[key]) == own:
            out[key] = [agreed(key, inputs) for inputs in layers_of(slices, base, parents)]
    return out


def layers_of(
    slices: list[dict[str, Any]], base: Layered | None, parents: list[Layered]
) -> list[list[tuple[Layered, int]]]:
    """The inputs of each output layer, and the layer of each."""
    found = []
    for piece in slices:
        for k in range(int(piece["count"])):
            own = [(base, int(piece["base_first"]) + k)] if base else []
            found.append(own + [(parents[int(s["parent"])], int(s["first"]) + k) for s in piece["sources"]])
    return found


def agreed(key: str, inputs: list[tuple[Layered, int]]) -> Any:
    """What all inputs of an output layer say of it."""
    said = []
    for one, layer in inputs:
        values = one.config.get(key)
        if not isinstance(values, list) or len(values) != one.count:
            raise ValueError(f"{key} of an input is no array of {one.count}")
        said.append(values[layer])
    same = {rfc8785.dumps(value) for value in said}  # Choice: 1 and 1.0 agree, and the first input's is taken
    need(len(same) == 1, f"inputs disagree on {key}: {said}")
    return said[0]
