"""Vocabularies that differ: the row map that a tokenizer carries, and the inputs that are gathered by it."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from reference.adapters import Input, Row
from reference.form import layer_of
from reference.recipe import ARTIFACT
from reference.stored import BYTES, Tensor, need, read_file, read_weights

WEIGHTS = (
    "embed_tokens|wte|word_embeddings|tok_embeddings|embed_in|embeddings|shared|"
    "lm_head|embed_out|output|decoder|vocab_projector|generator_lm_head"
)
BIASES = "lm_head|embed_out|output|decoder|vocab_projector|generator_lm_head|predictions"
VOCABULARY = re.compile(rf"(?:.*\.)?(?:(?:{WEIGHTS})\.weight|(?:{BIASES})\.bias)", re.DOTALL)
TOKENS = (
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "sep_token_id",
    "cls_token_id",
    "mask_token_id",
    "unk_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
)

Vector = list[int]


def is_vocabulary(name: str) -> bool:
    """Whether a tensor's rows stand for tokens."""
    return layer_of(name) is None and VOCABULARY.fullmatch(name) is not None


def read_map(folder: Path) -> dict[str, Vector] | None:
    """The vectors of a row map by artifact id; None where the tokenizer carries none."""
    path = folder / "rows.safetensors"
    if not path.exists():
        return None
    found = read_file(path)
    # Choice: an artifact's tensors are those of its weights' files, found as a model's are
    need(read_weights(folder) == found, "a tensor of the tokenizer's is not in rows.safetensors")
    for name, tensor in found.items():
        need(ARTIFACT.fullmatch(name) is not None, f"row map {name!r} is called by no artifact id")
        good = tensor.dtype == "I64" and len(tensor.shape) == 1
        need(good, f"row map {name!r} is {tensor.dtype} of shape {tensor.shape}")
    sizes = {tensor.shape[0] for tensor in found.values()}
    # Choice: a map without vectors is refused, as no model has a vector in it
    need(len(sizes) == 1 and 1 <= min(sizes) <= 1 << 24, f"row maps have {sorted(sizes)} entries")
    return {name: np.frombuffer(tensor.data, "<i8").tolist() for name, tensor in found.items()}


def check_model(model: dict[str, Input], config: dict[str, Any], vector: Vector | None) -> None:
    """Refuse a model whose rows a map does not describe."""
    if vector is None:
        raise ValueError("a model has no vector in the row map")
    v = config.get("vocab_size")
    if not isinstance(v, int) or isinstance(v, bool) or v < 1:
        raise ValueError(f"vocab_size {v!r} is no number of rows")
    need(min(vector) >= -2 and max(vector) < v, f"entries of a row map are not of {v} rows")
    named = [name for name in model if is_vocabulary(name)]
    need(bool(named), "a model has no vocabulary tensor")
    for name, one in model.items():
        shape = one.tensor.shape
        if name in named:
            need(one.said in BYTES, f"vocabulary tensor {name!r} is not floating point")
            good = len(shape) == (2 if name.endswith(".weight") else 1) and shape[0] == v
            need(good, f"vocabulary tensor {name!r} has shape {shape}, for {v} rows")
        elif layer_of(name) is None:
            need(v not in shape, f"what the {v} of tensor {name!r} mean is not known")


def gathered(name: str, inputs: list[Input], vectors: list[Vector]) -> list[Input]:
    """The inputs of a vocabulary tensor, base first, each with the output's rows."""
    as_they_stand = [
        vector == list(range(one.tensor.shape[0])) for one, vector in zip(inputs, vectors, strict=True)
    ]
    if all(as_they_stand):
        return inputs
    need(all(one.update is None for one in inputs), f"tensor {name!r} is gathered and effective")
    floating = all(one.tensor.dtype in BYTES for one in inputs)
    need(floating, f"tensor {name!r} is gathered and not floating point")
    return [
        one if stands else gather(name, at, inputs, vectors)
        for at, (one, stands) in enumerate(zip(inputs, as_they_stand, strict=True))
    ]


def gather(name: str, at: int, inputs: list[Input], vectors: list[Vector]) -> Input:
    """One input with the output's rows: its own, another input's where it lacks one, or +0."""
    own = inputs[at].tensor
    width = len(own.data) // own.shape[0]
    rows: list[Row] = []
    for i in range(len(vectors[at])):
        holders = [at] if vectors[at][i] != -1 else [j for j, one in enumerate(vectors) if one[i] != -1]
        need(bool(holders), f"row {i} of tensor {name!r} is in no model")
        holder, entry = inputs[holders[0]].tensor, vectors[holders[0]][i]
        rows.append(None if entry == -2 else (holder, entry))
        same = entry == -2 or holder.dtype == own.dtype
        need(same, f"tensor {name!r} takes rows of {holder.dtype} into {own.dtype}")
    data = b"".join(bytes(width) if row is None else row_bytes(*row) for row in rows)
    tensor = Tensor(own.dtype, (len(rows), *own.shape[1:]), data)
    return Input(tensor, inputs[at].said, rows=tuple(rows))


def row_bytes(tensor: Tensor, row: int) -> bytes:
    """The bytes of one row."""
    width = len(tensor.data) // tensor.shape[0]
    return tensor.data[row * width : (row + 1) * width]


def mapped_config(config: dict[str, Any], vector: Vector) -> dict[str, Any]:
    """The config of the result: how many rows it has, and which of them its tokens are now."""

    def moved(value: Any) -> Any:
        if isinstance(value, list):
            return [moved(one) for one in value]
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            return value
        need(value in vector, f"token {value} of the config has no row in the result")
        return vector.index(value)

    out = config | {"vocab_size": len(vector)}
    return out | {key: moved(config[key]) for key in TOKENS if key in config}
