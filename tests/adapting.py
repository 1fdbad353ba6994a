"""Adapters for tests: drawn for one model, with ranks and alphas by module, or given by shapes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from filling import Model, Stored, filled
from hypothesis import strategies as st

from merger.manifest import FLOATS

PREFIX = "base_model.model."
LORA = {"peft_type": "LORA", "r": 2, "lora_alpha": 3, "bias": "none", "base_model_name_or_path": "a/base"}
seeds = st.integers(0, 1 << 32)
ALPHAS = st.sampled_from([3, 1, 0, 0.3, 16])


class Adapter(Model):
    """A model that is a LoRA adapter: its own tensors, and what its config says beyond `LORA`."""

    def __init__(self, tensors: Mapping[str, Stored], **config: Any) -> None:
        super().__init__(tensors)
        self.config = LORA | config


def with_tensors(model: Model, tensors: Mapping[str, Stored]) -> Model:
    """Return other tensors as what `model` is: a model, or an adapter of the same config."""
    return Adapter(tensors, **model.config) if isinstance(model, Adapter) else dict(tensors)


# What adapters of one model may adapt: modules, the shapes of their weights, and whether they are embeddings.
MODULES = {
    "lm_head": ((5, 3), False),
    "model.embed_tokens": ((7, 3), True),
    "model.layers.0.conv": ((4, 2, 3, 1), False),
    "model.layers.0.mlp.up_proj": ((17, 9), False),
    "model.layers.1.mlp.up_proj": ((17, 9), False),
    "model.layers.1.self_attn.q_proj": ((0, 6), False),
}
NORM = "model.norm.weight"


def factors(
    module: str, shape: tuple[int, ...], rank: int, values: Sequence[int], types: Sequence[str], **how: bool
) -> Model:
    """The pair of factors of one module's weight, filled from two seeds, in two types."""
    embeds, fans, odd = how.get("embeds", False), how.get("fans", False), how.get("odd", False)
    outer, *inner = (*shape[1:], shape[0]) if embeds or fans else shape
    pair = ((rank, *inner), (outer, rank, *[1] * (len(inner) - 1)))
    ends = ("embedding_A", "embedding_B") if embeds else ("A.weight", "B.weight")
    return {
        f"{PREFIX}{module}.lora_{end}": filled(seed, dtype, sides, odd)
        for end, sides, seed, dtype in zip(ends, pair, values, types, strict=True)
    }


@st.composite
def adapters(draw: st.DrawFn, *, odd: bool, dtype: str | None, fans: bool, norm: Stored | None) -> Adapter:
    """An adapter of some of the modules, with ranks and alphas by module, in mixed types."""
    types = st.just(dtype) if dtype else st.sampled_from(FLOATS)
    chosen = draw(st.lists(st.sampled_from(sorted(MODULES)), min_size=1, max_size=4, unique=True))
    chosen = [m for m in chosen if not (fans and len(MODULES[m][0]) > 2)] or ["lm_head"]
    ranks = {module: draw(st.integers(1, 3)) for module in chosen}
    tensors: Model = {}
    for module, rank in ranks.items():
        shape, embeds = MODULES[module]
        given = ([draw(seeds), draw(seeds)], [draw(types), draw(types)])
        tensors |= factors(module, shape, rank, *given, embeds=embeds, fans=fans, odd=odd)
    tensors |= {PREFIX + NORM: norm} if norm is not None else {}
    alphas = draw(st.dictionaries(st.sampled_from(["up_proj", "lm_head", "1.mlp.up_proj"]), ALPHAS))
    return Adapter(
        tensors,
        r=draw(st.integers(1, 3)),
        lora_alpha=draw(ALPHAS),
        rank_pattern=ranks,
        alpha_pattern=alphas,
        use_rslora=draw(st.booleans()),
        fan_in_fan_out=fans,
        modules_to_save=["norm"] if norm is not None else None,
    )


def adapted_by_shapes(shapes: Mapping[str, tuple[int, ...]], dtypes: Sequence[str]) -> list[Model]:
    """A model and adapters of it, whose factors A and B are by turns as long as these shapes have elements."""
    weights: dict[str, tuple[int, ...]] = {}
    for name, shape in shapes.items():
        size = int(np.prod(shape, dtype=int))
        weights |= {f"{name}.across": (2, size), f"{name}.down": (size, 2)}
    models: list[Model] = [{f"{n}.weight": filled(7, dtypes[0], s) for n, s in weights.items()}]
    for i, dtype in enumerate(dtypes[1:], 1):
        held = [factors(n, s, i, [10 + i, 20 + i], [dtype, dtype]) for n, s in weights.items()]
        models.append(Adapter({n: t for pair in held for n, t in pair.items()}, r=i))
    return models


@st.composite
def adapted(draw: st.DrawFn, count: int, *, odd: bool, dtype: str | None, own: bool) -> list[Model]:
    """A model and `count` adapters of it; where it is said to be their base, one may hold a tensor of the model's own."""
    types = st.just(dtype) if dtype else st.sampled_from(FLOATS)
    fans = draw(st.integers(0, 3)) == 0
    base = {f"{m}.weight": filled(draw(seeds), draw(types), shape) for m, (shape, _) in MODULES.items()}
    base[NORM] = filled(draw(seeds), draw(types), (3,))
    norms = st.just(filled(draw(seeds), draw(types), (3,)) if draw(st.booleans()) else None)
    # Seldom another one, which is refused.
    norms = norms if draw(st.integers(0, 4)) else st.sampled_from([None, base[NORM], filled(1, "F32", (3,))])
    models: list[Model] = [base]
    models += [draw(adapters(odd=odd, dtype=dtype, fans=fans, norm=draw(norms))) for _ in range(count)]
    if own and draw(st.booleans()):
        # What PEFT saves of an embedding besides its factors.
        models[1][f"{PREFIX}model.embed_tokens.base_layer.weight"] = base["model.embed_tokens.weight"]
    return models
