"""The plan: one instruction per output tensor, with every incompatibility refused before a byte of weights is read.

Pure: recipe, manifests and configs in, a value out. The rules are those of docs/arithmetic.md, "Tensors".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from merger.by_tensor import value_at
from merger.fit import Inputs, check_models, inputs
from merger.header import SINGLE
from merger.joining import Kept, joined
from merger.kernels import Wide
from merger.lora import WEIGHTS
from merger.manifest import FLOATS, SIZES, Manifest, Tensor, utf8
from merger.method import Cut, Method, Values
from merger.numbers import kept_lanes
from merger.recipe import DTYPES, Recipe
from merger.row_map import RowMap, Vectors
from merger.seeds import mask_key
from merger.sources import Changes, Source, adapted, changes_of, check_size
from merger.stack import Stack
from merger.statistics import Known, chosen, statistics_of
from merger.steps import Compute, Convert, Copy, Step, elements
from signing.canonical import Json
from signing.errors import Malformed

# A row is held in memory whole by every thread that needs one.
LONGEST_ROW = 1 << 22
# Which types hold every value of a type exactly: rounding to one of them is no rounding.
_HOLDS = {
    "F64": {"F64", "F32", "F16", "BF16"},
    "F32": {"F32", "F16", "BF16"},
    "F16": {"F16"},
    "BF16": {"BF16"},
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in order of output name, and into which shard file each goes."""

    recipe: Recipe
    steps: tuple[Step, ...]
    shards: tuple[tuple[str, tuple[Step, ...]], ...]

    def model_cuts(self, step: Compute) -> tuple[Cut, ...]:
        """Return what `scope: model` keeps of all floating-point elements, quantity by quantity of any one step."""
        size = sum(elements(step) for step in self.steps if step.dtype in FLOATS)
        return _cuts(self.recipe.rules, step.values, size)


def plan(
    recipe: Recipe,
    manifests: Mapping[str, Manifest],
    configs: Mapping[str, Mapping[str, Json]],
    vectors: Vectors = MappingProxyType({}),
    templates: Mapping[str, Json] = MappingProxyType({}),
) -> Plan:
    """Resolve a recipe against the manifests and configs of the artifacts it names, or refuse it in a sentence.

    `vectors` are those of the row map that its tokenizer carries, if it carries one, and `templates` the chat templates
    of the models that have one in their tokenizer_config.json.
    """
    if recipe.rules.merges == "adapters":
        found = joined(recipe, manifests, configs)
        whole = tuple(_brought(recipe, found[name]) for name in utf8(found))
        # PEFT loads one file, whatever its size.
        return Plan(recipe, whole, ((WEIGHTS, whole),))
    rows = RowMap.of(recipe, manifests, configs, vectors)
    if rows is not None and recipe.rules.statistics is not None:
        raise Malformed(
            f"{recipe.tokenizer} carries a row map, and {recipe.method} needs statistics, which are of the models' own rows; merge without a row map"
        )
    check_models(recipe, manifests, configs, rows, templates)
    models = {recipe.first, *(p.model for p in recipe.parents)}
    tensors = {model: {t.name: t for t in manifests[model].tensors} for model in models}
    made = inputs(recipe, tensors, configs, rows)
    changes = tuple(changes_of(parent, manifests, configs, tensors) for parent in recipe.parents)
    known = statistics_of(recipe, manifests, configs, tensors)
    steps = tuple(_step(recipe, name, made[name], changes, known, rows) for name in utf8(made))
    if recipe.parameters.get("scope") == "model":
        _check_model_scope(recipe, steps)
    return Plan(recipe, steps, _shards(steps, int(recipe.shard_bytes)))


def _brought(recipe: Recipe, one: Stack | Kept) -> Step:
    if isinstance(one, Stack):
        return one
    tensor = one.tensor
    if tensor.dtype not in FLOATS:
        return Copy(tensor.name, tensor.shape, tensor.dtype, one.source)
    out = DTYPES.get(recipe.out_dtype or recipe.dtype or "", tensor.dtype)
    wide: Wide = "F64" if DTYPES.get(recipe.dtype or "", tensor.dtype) == "F64" else "F32"
    return _taken(recipe, tensor.name, tensor, one.source, out, wide)


def _step(
    recipe: Recipe,
    name: str,
    made: Inputs,
    changes: Sequence[Changes],
    known: Sequence[Known],
    rows: RowMap | None,
) -> Step:
    tensors = {source: tensor for _, source, tensor in made}
    sources = {i: source for i, source, _ in made if i is not None}
    own = {i: {k: value_at(v, name) for k, v in recipe.parents[i].parameters.items()} for i in sources}
    shared = {k: v if isinstance(v, bool) else value_at(v, name) for k, v in recipe.parameters.items()}
    clip = None if recipe.clip is None else value_at(recipe.clip, name)
    remaining = tuple(i for i, values in own.items() if values.get("weight") != "0")
    base = made[0][1] if recipe.base else None
    plain = tuple(sources[i] for i in remaining)
    if not base and not plain:
        raise Malformed(f"{name}: every parent has weight 0, and {recipe.method} has no base to fall back on")
    stored = tensors[base or plain[0]].dtype
    pairs = [adapted(one, tensors[one], changes[i]) for i, one in zip(remaining, plain, strict=True)]
    models = [recipe.parents[i].model for i in remaining]
    if base:
        pairs, models = [(base, tensors[base]), *pairs], [base.model, *models]
    if rows is not None and rows.holds(name):
        pairs = rows.gathered(name, [(m, *pair) for m, pair in zip(models, pairs, strict=True)])
    tensors = {**tensors, **dict(pairs)}
    named = tuple(source for source, _ in pairs)
    base, parents = (named[0], named[1:]) if base else (None, named)
    check_size(name, named)
    first = tensors[named[0]]
    if any(tensors[source].dtype not in FLOATS for source in named):
        return _whole(name, named, tensors)
    out = DTYPES.get(recipe.out_dtype or recipe.dtype or "", stored)
    rules, values = recipe.rules, Values([own[i] for i in remaining], shared)
    measured = chosen(name, rules.statistics, [(recipe.parents[i], sources[i], known[i]) for i in remaining])
    types = {DTYPES[recipe.dtype]} if recipe.dtype else {_type(source, tensors[source]) for source in named}
    types |= {known[i][one.tensor].dtype for i in remaining for one in measured if one.tensor in known[i]}
    wide: Wide = "F64" if "F64" in types else "F32"
    if base and all(_twins(tensors[source], first) and not source.product for source in named):
        return _taken(recipe, name, first, base, out, wide)
    end = rules.copies(values) if rules.copies else None
    if end is not None:
        return _taken(recipe, name, tensors[parents[end]], parents[end], out, wide)
    alone = rules.statistics is not None and rules.statistics.by_axis and not measured
    if alone or (rules.covers is not None and not _covers(rules.covers, name, first.shape)):
        return _taken(recipe, name, tensors[parents[0]], parents[0], out, wide)
    whole = rules.whole is not None and (rules.statistics is None or bool(measured))
    moved = _taken(recipe, name, tensors[parents[0]], parents[0], out, wide) if rules.moves else None
    step = Compute(
        name, first.shape, out, wide, base, parents, remaining, values, clip=clip, statistics=measured
    )
    return _resolved(recipe, replace(step, whole=whole, moved=moved))


def _resolved(recipe: Recipe, step: Compute) -> Compute:
    """Return a step with its scalars, or what has to be known of the tensor first, and with what its masks keep."""
    rules, values = recipe.rules, step.values
    if rules.terms is not None:
        step = replace(step, sums=True, whole=True)
    elif rules.sums is not None and (rules.summed is None or rules.summed(values)):
        step = replace(step, sums=True)
    else:
        step = replace(step, scalars=rules.resolve(values, ()))
    if rules.rows is not None and (rules.rowed is None or rules.rowed(values)):
        step = replace(step, rows=True)
        if step.row > LONGEST_ROW:
            raise Malformed(
                f"{step.name}: its rows hold {step.row} elements, and {rules.id} takes rows of at most {LONGEST_ROW}"
            )
    if not rules.draws:
        return replace(step, cuts=_cuts(rules, values, elements(step)))
    lanes = (kept_lanes(parent["density"]) for parent in values.parents)
    references = [recipe.parents[i].reference for i in step.positions]
    keys = _mask_keys(str(recipe.seed), step.name, references)
    return replace(step, keys=keys, bounds=() if step.rows else tuple(lanes))


def _covers(covers: Callable[[str, tuple[int, ...]], bool], name: str, shape: tuple[int, ...]) -> bool:
    try:
        return covers(name, shape)
    except Malformed as error:
        raise Malformed(f"{name}: {error}") from None


def _cuts(rules: Method, values: Values, size: int) -> tuple[Cut, ...]:
    return tuple(rules.cuts(values, size)) if rules.cuts else ()


def _mask_keys(seed: str, name: str, parents: Sequence[str]) -> tuple[int, ...]:
    earlier = [parents[:i].count(parent) for i, parent in enumerate(parents)]
    return tuple(mask_key(seed, name, parent, n) for parent, n in zip(parents, earlier, strict=True))


def _whole(name: str, sources: Sequence[Source], inputs: Mapping[Source, Tensor]) -> Copy:
    first = inputs[sources[0]]
    for source in sources[1:]:
        if not _twins(inputs[source], first):
            raise Malformed(
                f"{name}: holds {first.dtype}, which only copies where all agree, but {sources[0].model} and {source.model} differ"
            )
    return Copy(name, first.shape, first.dtype, sources[0])


def _taken(recipe: Recipe, name: str, tensor: Tensor, source: Source, out: str, wide: Wide) -> Copy | Convert:
    exact = recipe.dtype is None or tensor.dtype in _HOLDS[DTYPES[recipe.dtype]]
    if tensor.dtype == out and exact and source.product is None:
        return Copy(name, tensor.shape, tensor.dtype, source)
    return Convert(name, tensor.shape, out, source, wide)


def _type(source: Source, tensor: Tensor) -> str:
    return "F64" if source.product and source.product.double else tensor.dtype


def _twins(one: Tensor, other: Tensor) -> bool:
    return (one.dtype, one.shape, one.digest) == (other.dtype, other.shape, other.digest)


def _check_model_scope(recipe: Recipe, steps: Sequence[Step]) -> None:
    for i, parent in enumerate(recipe.parents):
        for name, value in parent.parameters.items():
            if not isinstance(value, str):
                raise Malformed(
                    f"parents.{i}.parameters.{name}: scope: model takes one number, not rules by tensor"
                )
    wides = {step.name: step.wide for step in steps if isinstance(step, Compute)}
    if len(set(wides.values())) > 1:
        odd = next(name for name, wide in wides.items() if wide == "F64")
        raise Malformed(
            f"scope: model compares all tensors in one type, but {odd} is computed in fp64 and others in fp32"
        )


def _shards(steps: Sequence[Step], limit: int) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    shards: list[list[Step]] = [[]]
    size = 0
    for step in steps:
        need = elements(step) * SIZES[step.dtype]
        if shards[-1] and size + need > limit:
            shards.append([])
            size = 0
        shards[-1].append(step)
        size += need
    if len(shards) == 1:
        return ((SINGLE, tuple(steps)),)
    count = len(shards)
    return tuple((f"model-{i:05d}-of-{count:05d}.safetensors", tuple(s)) for i, s in enumerate(shards, 1))
