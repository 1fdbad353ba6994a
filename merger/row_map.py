"""Row maps: what each row of the output's vocabulary is in each model, so that vocabularies merge by meaning.

docs/arithmetic.md, "Vocabularies". Pure: a map, configs and tensors in, gathered inputs out; no weight is read here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from merger.manifest import FLOATS, Manifest, Tensor
from merger.recipe import Recipe
from merger.slices import layer_of
from merger.sources import Gather, Source
from signing import canonical
from signing.canonical import Json, is_integer
from signing.digest import parse_id
from signing.errors import Malformed

ROWS = "rows.safetensors"
LACKS = -1
ZERO = -2
# Real vocabularies have at most some hundred thousand rows; the rest is room, and a bound on what a map makes a reader hold.
MOST_ROWS = 1 << 24

Vectors = Mapping[str, NDArray[np.int64]]
"""By model, which of its rows each row of the output is; LACKS or ZERO where it has none."""

_HOLDS = re.compile(
    r"(.*\.)?("
    r"(embed_tokens|wte|word_embeddings|tok_embeddings|embed_in|embeddings|shared)\.weight"
    r"|(lm_head|embed_out|output|decoder|vocab_projector|generator_lm_head)\.(weight|bias)"
    r"|predictions\.bias)",
    re.DOTALL,
)
# What configs say in ids of tokens.
_IDS = (
    *("bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "cls_token_id", "mask_token_id"),
    *("unk_token_id", "decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id"),
)


def mapped(tokenizer: str, manifest: Manifest) -> dict[str, Tensor]:
    """Return the vectors of the row map that an artifact carries, by model; none where it carries no map."""
    if all(file.name != ROWS for file in manifest.files):
        return {}
    found = {tensor.name: tensor for tensor in manifest.tensors}
    odd = next((tensor for tensor in manifest.tensors if tensor.file != ROWS), None)
    if odd is not None:
        raise Malformed(
            f"{tokenizer} has {ROWS} and {odd.name} in {odd.file}: a row map stands beside no weights"
        )
    sizes = {tensor.shape for tensor in manifest.tensors}
    for name, tensor in found.items():
        parse_id(name)
        if tensor.dtype != "I64" or len(tensor.shape) != 1 or not 1 <= tensor.elements <= MOST_ROWS:
            raise Malformed(
                f"{ROWS} of {tokenizer}: {name} is {tensor.dtype} {list(tensor.shape)}, not I64 of one dimension with 1 to {MOST_ROWS} rows"
            )
    if len(sizes) != 1:
        raise Malformed(
            f"{ROWS} of {tokenizer} holds vectors of {sorted(sizes)} entries; all have one for each row of the output"
        )
    return found


@dataclass(frozen=True, slots=True)
class RowMap:
    """A recipe's row map with the models it is for: the vector and the `vocab_size` of each."""

    tokenizer: str
    first: str
    vectors: Vectors
    sizes: Mapping[str, int]

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        manifests: Mapping[str, Manifest],
        configs: Mapping[str, Mapping[str, Json]],
        vectors: Vectors,
    ) -> RowMap | None:
        """Check a recipe's row map against the configs of its models; None where its tokenizer carries none."""
        if recipe.tokenizer is None or not mapped(recipe.tokenizer, manifests[recipe.tokenizer]):
            return None
        sizes = {}
        for model in dict.fromkeys((recipe.first, *(parent.model for parent in recipe.parents))):
            size = configs[model].get("vocab_size")
            if not is_integer(size) or size < 1:
                raise Malformed(
                    f"config.json of {model} says vocab_size {size!r:.40}; a row map needs the number of its rows"
                )
            if model not in vectors:
                raise Malformed(
                    f"{ROWS} of {recipe.tokenizer} has no rows of {model}; make one for all models that are merged"
                )
            odd = np.flatnonzero((vectors[model] < ZERO) | (vectors[model] >= size))
            if odd.size:
                raise Malformed(
                    f"{ROWS} of {recipe.tokenizer}: row {odd[0]} is row {vectors[model][odd[0]]} of {model}, which has rows 0 to {size - 1}"
                )
            sizes[model] = size
        return cls(recipe.tokenizer, recipe.first, vectors, sizes)

    @property
    def size(self) -> int:
        """Return the number of rows of the output."""
        return len(self.vectors[self.first])

    def holds(self, name: str) -> bool:
        """Say whether a tensor of this name is one of rows for tokens."""
        return layer_of(name) is None and _HOLDS.fullmatch(name) is not None

    def check(self, model: str, tensors: Mapping[str, Tensor]) -> None:
        """Refuse a model of whose tensors it is not known which have rows for tokens."""
        size = self.sizes[model]
        for name, tensor in tensors.items():
            if self.holds(name):
                rank = 1 if name.endswith(".bias") else 2
                if len(tensor.shape) != rank or tensor.shape[0] != size or tensor.dtype not in FLOATS:
                    raise Malformed(
                        f"{name} of {model} is {tensor.dtype} {list(tensor.shape)}; with a row map it holds floats, [{size}{', …' * (rank - 1)}] by vocab_size"
                    )
            elif layer_of(name) is None and size in tensor.shape:
                raise Malformed(
                    f"{name} of {model} is {list(tensor.shape)}, as if it had rows for its {size} tokens, and no row map is known to hold for it"
                )
        if not any(map(self.holds, tensors)):
            raise Malformed(
                f"{model} has no tensor that is known to have rows for tokens; a row map changes nothing in it"
            )

    def gathered(
        self, name: str, inputs: Sequence[tuple[str, Source, Tensor]]
    ) -> list[tuple[Source, Tensor]]:
        """Return the inputs of a tensor, each with the model whose rows it has, as they are once the map is applied.

        What the returned tensors call their digest names their rows: it is the same where all bytes are.
        """
        vectors = [self.vectors[model] for model, _, _ in inputs]
        straight = [
            np.array_equal(v, np.arange(self.sizes[m])) for v, (m, _, _) in zip(vectors, inputs, strict=True)
        ]
        if all(straight):
            return [(source, tensor) for _, source, tensor in inputs]
        whose, rows = self._filled(name, vectors)
        made: dict[tuple[str, Source], tuple[Source, Tensor]] = {}
        for i, ((model, source, tensor), plain) in enumerate(zip(inputs, straight, strict=True)):
            if source.product is not None:
                raise Malformed(
                    f"{name}: {source.product.adapter} adds to it, and its rows are gathered by {self.tokenizer}; merge the adapter into its model first"
                )
            if tensor.dtype not in FLOATS:
                raise Malformed(
                    f"{name}: {source} holds {tensor.dtype}, and rows are gathered of floats only"
                )
            if (model, source) in made:
                continue
            owners = np.where(vectors[i] == LACKS, whose, np.where(vectors[i] == ZERO, -1, i)).astype(
                np.int16
            )
            places = np.where(vectors[i] == LACKS, rows, np.maximum(vectors[i], 0))
            for j in np.unique(owners[owners >= 0]):
                _, other, lent = inputs[j]
                if lent.dtype != tensor.dtype:
                    raise Malformed(
                        f"{name}: stored as {tensor.dtype} in {source.model} and {lent.dtype} in {other.model}, which lends it rows; both are of one type"
                    )
            gather = Gather(tuple((s.model, s.tensor) for _, s, _ in inputs), owners, places)
            shape = (self.size, *tensor.shape[1:])
            named = tensor.model_copy(
                update={"shape": shape, "digest": _digest(gather, [t for _, _, t in inputs])}
            )
            made[model, source] = (source if plain else replace(source, rows=gather), named)
        return [made[model, source] for model, source, _ in inputs]

    def _filled(
        self, name: str, vectors: Sequence[NDArray[np.int64]]
    ) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
        """Return for each row which input it is taken from where one lacks it (-1: it is +0), and that input's row."""
        whose = np.full(self.size, -1, np.int16)
        rows = np.full(self.size, LACKS)
        for i, vector in enumerate(vectors):
            here = (rows == LACKS) & (vector != LACKS)
            whose[here] = np.where(vector[here] == ZERO, -1, i)
            rows[here] = vector[here]
        odd = np.flatnonzero(rows == LACKS)
        if odd.size:
            raise Malformed(
                f"{name}: row {odd[0]} of {self.tokenizer} is in none of the models that it is merged from"
            )
        return whose, np.maximum(rows, 0)

    def config(self, config: Mapping[str, Json]) -> dict[str, Json]:
        """Return the first model's config with the output's rows in it."""
        vector = self.vectors[self.first]

        def moved(key: str, value: Json) -> Json:
            if isinstance(value, list):
                return [moved(key, one) for one in value]
            if not is_integer(value) or value < 0:
                return value
            found = np.flatnonzero(vector == value)
            if not found.size:
                raise Malformed(
                    f"config.json of {self.first}: {key} is {value}, and no row of {self.tokenizer} is that row"
                )
            return int(found[0])

        own = {key: moved(key, config[key]) for key in _IDS if key in config}
        return {**config, **own, "vocab_size": self.size}


def _digest(gather: Gather, tensors: Sequence[Tensor]) -> str:
    """Return what names the rows of a gathered input: equal tensors lend equal rows, whoever holds them."""
    named = [canonical.encode([t.dtype, list(t.shape), t.digest]) for t in tensors]
    used = sorted({named[i] for i in np.unique(gather.whose[gather.whose >= 0])})
    order = np.array([used.index(one) if one in used else -1 for one in named] + [-1], np.int64)
    body = b"".join((len(one).to_bytes(8, "little") + one) for one in used)
    return blake3(body + order[gather.whose].tobytes() + gather.rows.tobytes()).hexdigest()
