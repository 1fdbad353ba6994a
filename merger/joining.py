"""Adapters into one: which factors of which adapters stand side by side in the result.

PEFT's `add_weighted_adapter(combination_type="cat")`: of factors that are concatenated along their rank, B·A is the sum
of the products. docs/arithmetic.md, "Adapters into one". Pure, like the plan that is made of these.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from merger.adapters import Change, Product, Replaced, applied, changes
from merger.by_tensor import value_at
from merger.fit import same_words
from merger.joint import joint_config
from merger.lora import CONFIG, Lora
from merger.manifest import FLOATS, Manifest, Tensor, utf8
from merger.method import Values
from merger.recipe import DTYPES, Recipe
from merger.sources import Source
from merger.stack import Part, Stack
from signing.canonical import Json
from signing.errors import Malformed

Configs = Mapping[str, Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class Kept:
    """A tensor that every adapter has alike in place of one of the model's (`modules_to_save`)."""

    source: Source
    tensor: Tensor


def joined(recipe: Recipe, manifests: Mapping[str, Manifest], configs: Configs) -> dict[str, Stack | Kept]:
    """Return the tensors that adapters come to, by name, or say by name why the adapters do not fit each other."""
    loras = [Lora.of(parent.model, configs[parent.model]) for parent in recipe.parents]
    found = [_read(recipe, lora, manifests, configs) for lora in loras]
    _check_alike(recipe, loras, manifests, configs)
    if recipe.base is None:
        _check_wrapping(loras, found)
    made: dict[str, Stack | Kept] = {}
    for name in utf8({name for one in found for name in one}):
        own = [{k: value_at(v, name) for k, v in parent.parameters.items()} for parent in recipe.parents]
        remaining = {i: one.get(name) for i, one in enumerate(found) if own[i].get("weight") != "0"}
        products = {i: one for i, one in remaining.items() if isinstance(one, Product)}
        if any(isinstance(one, Replaced) for one in remaining.values()):
            kept = _kept(name, [(loras[i].adapter, one) for i, one in remaining.items()])
            made[kept.tensor.name] = kept
        elif products:
            _check_pairs(name, list(products.values()))
            for stack in _pair(recipe, products, Values([own[i] for i in products], {})):
                made[stack.name] = stack
    # What no config can describe is refused before a byte is read.
    shapes = {name: one.shape if isinstance(one, Stack) else one.tensor.shape for name, one in made.items()}
    joint_config(recipe, configs, shapes)
    return made


def _read(
    recipe: Recipe, lora: Lora, manifests: Mapping[str, Manifest], configs: Configs
) -> Mapping[str, Change]:
    """Return what an adapter does, by the names of the model's tensors: checked against the base, where there is one."""
    manifest = manifests[lora.adapter]
    if recipe.base is not None:
        model = {tensor.name: tensor for tensor in manifests[recipe.base].tensors}
        return applied(lora.adapter, "1", configs[lora.adapter], manifest, recipe.base, model)
    if not manifest.tensors:
        raise Malformed(f"{lora.adapter} holds no tensors in safetensors files; there is nothing to merge")
    found = changes(lora, 1.0, manifest, {})
    for name, change in found.items():
        if isinstance(change, Product):
            if change.shape is None:
                raise Malformed(
                    f"{name}: A of {lora.adapter} is {change.a.shape} and B {change.b.shape}, which are factors of no tensor"
                )
            odd = next((one for one in (change.a, change.b) if one.dtype not in FLOATS), None)
            if odd is not None:
                raise Malformed(f"{odd.name} of {lora.adapter} holds {odd.dtype}; only floats are merged")
    return found


def _check_alike(
    recipe: Recipe, loras: Sequence[Lora], manifests: Mapping[str, Manifest], configs: Configs
) -> None:
    first = loras[0]
    for other in loras[1:]:
        for key in ("base_model_name_or_path", "revision") if recipe.base is None else ():
            mine, theirs = configs[first.adapter].get(key), configs[other.adapter].get(key)
            if mine != theirs:
                raise Malformed(
                    f"{CONFIG}: {key} differs, {mine!r:.80} in {first.adapter} and {theirs!r:.80} in {other.adapter}: if both are for "
                    f"one model all the same, say which (base in a recipe, base_model in a mergekit document)"
                )
        if first.fan_in_fan_out != other.fan_in_fan_out:
            said = f"{first.fan_in_fan_out} in {first.adapter} and {other.fan_in_fan_out} in {other.adapter}"
            raise Malformed(f"{CONFIG}: fan_in_fan_out differs, {said}; one adapter has one")
        if recipe.tokenizer is None:
            same_words({one: manifests[one] for one in (first.adapter, other.adapter)}, uniting=False)


def _check_wrapping(loras: Sequence[Lora], found: Sequence[Mapping[str, Change]]) -> None:
    """Refuse adapters of one model under two wrappers: PEFT would take one's modules for some of the other's."""
    held = [{name for name, one in each.items() if isinstance(one, Product)} for each in found]
    where: dict[str, list[int]] = {}
    for i, names in enumerate(held):
        for name in names:
            where.setdefault(name, []).append(i)
    for long in utf8(where):
        words = long.split(".")
        for short in (".".join(words[at:]) for at in range(1, len(words) - 1)):
            for i in where.get(short, ()):
                j = next((j for j in where[long] if long not in held[i] and short not in held[j]), None)
                if j is not None:
                    raise Malformed(
                        f"{loras[i].adapter} adapts {short} and {loras[j].adapter} {long}: if these are one module under two "
                        f"names, one adapter must be saved under the other's; if not, say which base both are for"
                    )


def _check_pairs(name: str, products: Sequence[Product]) -> None:
    first, kind = products[0], _kind(products[0])
    for other in products[1:]:
        if _kind(other) != kind:
            raise Malformed(
                f"{name}: its factors are {_said(first)} in {first.adapter} and {_said(other)} in {other.adapter}; "
                f"only the rank may differ"
            )


def _kind(product: Product) -> tuple[object, ...]:
    a, b = product.a, product.b
    return a.name, b.name, a.shape[1:], b.shape[0], b.shape[2:]


def _said(product: Product) -> str:
    ends = [one.name.rpartition(".lora_")[2] for one in (product.a, product.b)]
    return f"{ends[0]} {product.a.shape} and {ends[1]} {product.b.shape}"


def _kept(name: str, held: Sequence[tuple[str, Change | None]]) -> Kept:
    """Return the tensor that all remaining adapters have alike for a module that is saved whole."""
    tensors = [(adapter, one.tensor) for adapter, one in held if isinstance(one, Replaced)]
    adapter, first = tensors[0]
    for other, one in held:
        if not isinstance(one, Replaced):
            does = "adds a product to it" if one else "does not"
            raise Malformed(
                f"{name}: {adapter} saves it whole (modules_to_save) and {other} {does}; it is merged where all have the same bytes"
            )
        if (one.tensor.dtype, one.tensor.shape, one.tensor.digest) != (
            first.dtype,
            first.shape,
            first.digest,
        ):
            raise Malformed(
                f"{name}: {adapter} and {other} save it whole (modules_to_save) with other bytes; whole tensors are not "
                f"merged into an adapter: apply the adapters to their base, and merge the models"
            )
    return Kept(Source(adapter, first.name), first)


def _pair(recipe: Recipe, products: Mapping[int, Product], values: Values) -> Iterator[Stack]:
    """Yield the two stacks of one module: of A along its first dimension, each part scaled, and of B along its second."""
    pairs = zip(products.values(), recipe.rules.resolve(values, ()), strict=True)
    scaled = [replace(one, scale=weight).factor for one, weight in pairs]
    rank = sum(one.rank for one in products.values())
    for axis, factors in ((0, scaled), (1, [1.0] * len(scaled))):
        sides = [(one.adapter, one.b if axis else one.a) for one in products.values()]
        first = sides[0][1]
        types = {DTYPES[recipe.dtype]} if recipe.dtype else {tensor.dtype for _, tensor in sides}
        parts = [
            Part(i, Source(adapter, tensor.name), math.prod(tensor.shape[axis:]), factor)
            for i, (adapter, tensor), factor in zip(products, sides, factors, strict=True)
        ]
        yield Stack(
            name=first.name,
            shape=(*first.shape[:axis], rank, *first.shape[axis + 1 :]),
            dtype=DTYPES.get(recipe.out_dtype or recipe.dtype or "", first.dtype),
            wide="F64" if "F64" in types else "F32",
            parts=tuple(parts),
            values=values,
        )
