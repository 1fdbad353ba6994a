"""Which units of a model may change places without changing what it computes: neurons of a block, heads of attention.

Ainsworth et al., "Git Re-Basin", https://arxiv.org/abs/2209.04836, section 3: whoever re-orders the rows that write hidden
units must re-order the columns that read them. Here the residual stream stays as it is, so every block is free by itself.
Pure: a config and the shapes of tensors in, values out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from merger.slices import is_layer
from signing.canonical import Json, is_integer
from signing.errors import Malformed

Indices = NDArray[np.int64]
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a tensor that units lie along: each unit has `parts` parts of `width` indices."""

    tensor: str
    axis: int
    width: int = 1
    parts: int = 1

    @property
    def unit(self) -> int:
        """Return how many indices one unit takes."""
        return self.width * self.parts


@dataclass(frozen=True, slots=True)
class Symmetry:
    """Units that may change places, on all of these axes at once, and so may their parts where a unit has several."""

    name: str
    units: int
    axes: tuple[Axis, ...]
    parts: int = 1

    def coarse(self) -> Symmetry:
        """Return the symmetry of whole units, whose parts stay in order."""
        axes = tuple(replace(one, width=one.unit, parts=1) for one in self.axes)
        return replace(self, axes=axes, parts=1)


@dataclass(frozen=True, slots=True)
class Order:
    """Which unit comes at each place, and in which order the parts of that unit come: (units,) and (units, parts)."""

    units: Indices
    parts: Indices

    @classmethod
    def unchanged(cls, symmetry: Symmetry) -> Order:
        """Return the order in which everything stays where it is."""
        parts = np.tile(np.arange(symmetry.parts), (symmetry.units, 1))
        return cls(np.arange(symmetry.units), parts)

    def moved(self) -> int:
        """Return how many units have another place, or another order of parts."""
        same = (self.units == np.arange(len(self.units))) & (
            self.parts == np.arange(self.parts.shape[1])
        ).all(1)
        return len(self.units) - int(np.count_nonzero(same))

    def along(self, axis: Axis) -> Indices:
        """Return the indices of an axis in this order."""
        places = self.units[:, None]
        if axis.parts > 1:
            places = places * axis.parts + self.parts
        return (places[..., None] * axis.width + np.arange(axis.width)).reshape(-1)


@dataclass(frozen=True, slots=True)
class _Family:
    """How an architecture calls the parts of a layer: modules that write units, that read them, and tensors left alone."""

    writes: tuple[str, ...]
    reads: str
    queries: str
    keys: tuple[str, ...]
    output: str
    alone: tuple[str, ...]


_LLAMA = _Family(
    writes=("mlp.gate_proj", "mlp.up_proj"),
    reads="mlp.down_proj",
    queries="self_attn.q_proj",
    keys=("self_attn.k_proj", "self_attn.v_proj"),
    output="self_attn.o_proj",
    alone=(
        "input_layernorm.weight",
        "post_attention_layernorm.weight",
        "pre_feedforward_layernorm.weight",
        "post_feedforward_layernorm.weight",
        "self_attn.rotary_emb.inv_freq",
    ),
)
# Their norms of queries and keys have one weight for each index of a head, the same for all heads.
_NORMED = replace(_LLAMA, alone=(*_LLAMA.alone, "self_attn.q_norm.weight", "self_attn.k_norm.weight"))
_BERT = _Family(
    writes=("intermediate.dense",),
    reads="output.dense",
    queries="attention.self.query",
    keys=("attention.self.key", "attention.self.value"),
    output="attention.output.dense",
    alone=(
        "attention.output.LayerNorm.weight",
        "attention.output.LayerNorm.bias",
        "output.LayerNorm.weight",
        "output.LayerNorm.bias",
    ),
)
FAMILIES: Mapping[str, _Family] = {
    **dict.fromkeys(("llama", "mistral", "qwen2", "gemma", "gemma2"), _LLAMA),
    **dict.fromkeys(("qwen3", "gemma3_text"), _NORMED),
    **dict.fromkeys(("bert", "roberta", "xlm-roberta", "camembert", "electra"), _BERT),
}
"""Architectures whose symmetries are known, by `model_type`."""


def symmetries(config: Mapping[str, Json], shapes: Shapes) -> tuple[Symmetry, ...]:
    """Return the symmetries of a model's layers, or refuse an architecture, or a tensor in it, that is not known."""
    kind = config.get("model_type")
    family = FAMILIES.get(kind) if isinstance(kind, str) else None
    if family is None:
        raise Malformed(
            f"nothing is known about what may change places in model_type {kind!r:.80}; known are {', '.join(sorted(FAMILIES))}"
        )
    layers: dict[str, list[str]] = {}
    for name in shapes:
        words = name.split(".")
        at = next((i for i, word in enumerate(words) if is_layer(word)), None)
        if at is not None:
            layers.setdefault(".".join(words[: at + 1]), []).append(".".join(words[at + 1 :]))
    if not layers:
        raise Malformed(f"a {kind} without any tensor of a layer has nothing that may change places")
    found = []
    for layer, tails in layers.items():
        _check_known(family, str(kind), layer, tails)
        found += [_block(family, layer, shapes), _heads(family, layer, shapes, config)]
    return tuple(found)


def _check_known(family: _Family, kind: str, layer: str, tails: Sequence[str]) -> None:
    modules = (*family.writes, family.reads, family.queries, *family.keys, family.output)
    known = {f"{module}.{end}" for module in modules for end in ("weight", "bias")} | set(family.alone)
    strange = next((tail for tail in tails if tail not in known), None)
    if strange is not None:
        # A tensor that also reads these units would have to follow them, or the model would compute something else.
        raise Malformed(f"{layer}.{strange}: no {kind} is known to have it, so nothing is moved beside it")
    lost = next((module for module in modules if f"{module}.weight" not in tails), None)
    if lost is not None:
        raise Malformed(f"{layer}.{lost}.weight is missing; every layer of a {kind} has it")


def _block(family: _Family, layer: str, shapes: Shapes) -> Symmetry:
    units = _rows(f"{layer}.{family.writes[0]}.weight", shapes)
    axes = [axis for module in family.writes for axis in _written(f"{layer}.{module}", shapes, units)]
    axes += [_axis(f"{layer}.{family.reads}.weight", 1, shapes, units)]
    return Symmetry(f"{layer}.{family.writes[0].partition('.')[0]}", units, tuple(axes))


def _heads(family: _Family, layer: str, shapes: Shapes, config: Mapping[str, Json]) -> Symmetry:
    """Return the symmetry of attention: groups of heads that share keys and values, and the heads of each group."""
    heads = _count(config, "num_attention_heads")
    groups = _count(config, "num_key_value_heads") if config.get("num_key_value_heads") is not None else heads
    if heads % groups:
        raise Malformed(f"{heads} attention heads do not share {groups} heads of keys and values evenly")
    rows = _rows(f"{layer}.{family.queries}.weight", shapes)
    if rows % heads:
        raise Malformed(f"{layer}.{family.queries}.weight has {rows} rows for {heads} attention heads")
    width, parts = rows // heads, heads // groups
    axes = [*_written(f"{layer}.{family.queries}", shapes, groups, width, parts)]
    axes += [a for module in family.keys for a in _written(f"{layer}.{module}", shapes, groups, width)]
    axes += [_axis(f"{layer}.{family.output}.weight", 1, shapes, groups, width, parts)]
    for name in (f"{layer}.{one}" for one in family.alone if one.endswith("_norm.weight")):
        if shapes.get(name, (width,)) != (width,):
            raise Malformed(f"{name} has the shape {list(shapes[name])}; it is known with [{width}] only")
    return Symmetry(f"{layer}.{family.output.partition('.')[0]}", groups, tuple(axes), parts)


def _written(module: str, shapes: Shapes, units: int, width: int = 1, parts: int = 1) -> list[Axis]:
    """Return the axes along which a module writes units: the rows of its weight, and its bias if it has one."""
    names = [name for name in (f"{module}.weight", f"{module}.bias") if name in shapes]
    return [_axis(name, 0, shapes, units, width, parts) for name in names]


def _axis(name: str, axis: int, shapes: Shapes, units: int, width: int = 1, parts: int = 1) -> Axis:
    found, wanted = shapes[name], units * width * parts
    if len(found) <= axis or found[axis] != wanted:
        raise Malformed(f"{name} has the shape {list(found)}; {wanted} are expected along axis {axis}")
    return Axis(name, axis, width, parts)


def _rows(name: str, shapes: Shapes) -> int:
    if len(shapes[name]) != 2:
        raise Malformed(f"{name} has the shape {list(shapes[name])}; a matrix is expected")
    return shapes[name][0]


def _count(config: Mapping[str, Json], key: str) -> int:
    value = config.get(key)
    if not is_integer(value) or value < 1:
        raise Malformed(f"config.json: {key} is {value!r:.40}; a number of heads is expected")
    return value
