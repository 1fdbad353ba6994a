"""What the models of a merge have to agree on besides their tensors: configs and the files of tokenizers."""

from pathlib import Path
from typing import Any

import rfc8785
from reference.slices import COUNTS
from reference.stored import need, parse

VOCABULARY = [
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
]
COPIED = [*VOCABULARY, "tokenizer_config.json", "special_tokens_map.json", "generation_config.json"]
AGREED = (
    "model_type",
    "architectures",
    "num_hidden_layers",
    "n_layer",
    "num_layers",
    "n_embd",
    "n_head",
    "text_config",
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "vocab_size",
    "max_position_embeddings",
    "hidden_act",
    "tie_word_embeddings",
    "rope_theta",
    "rope_scaling",
    "rope_parameters",
    "rms_norm_eps",
    "layer_norm_eps",
    "layer_norm_epsilon",
)


def equal(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same."""
    # Choice: as RFC 8785 writes them, so that 1 and 1.0 agree
    return rfc8785.dumps(one) == rfc8785.dumps(other)


def check_configs(configs: list[dict[str, Any]], sliced: bool, mapped: bool) -> None:
    """Refuse models whose configs differ; with slices they may count layers, with a row map rows, as they like."""
    free = (COUNTS if sliced else ()) + (("vocab_size",) if mapped else ())
    for key in AGREED:
        said = [config.get(key) for config in configs]
        if key not in free and not all(equal(value, said[0]) for value in said):
            raise ValueError(f"the models' configs differ in {key}: {said}")


def check_tokenizers(folders: list[Path]) -> None:
    """Refuse folders two of which have different tokenizer files of one name, or other chat templates in their configs."""
    for file in VOCABULARY:
        held = {(folder / file).read_bytes() for folder in folders if (folder / file).is_file()}
        need(len(held) <= 1, f"the models differ in {file}")
    paths = [folder / "tokenizer_config.json" for folder in folders]
    said = {path.read_bytes() for path in paths if path.is_file()}
    if len(said) > 1:
        templates = [template for template in map(chat_template, said) if template is not None]
        same = all(equal(template, templates[0]) for template in templates)
        need(same, "the chat templates of the models' tokenizers differ")


def chat_template(data: bytes) -> Any:
    """The chat template in a tokenizer's config; None where there is none."""
    # Choice: this config is no model's, so that its whole numbers may be as long, and its keys as many, as JSON allows
    said = parse(data, loose=True)
    return said.get("chat_template") if isinstance(said, dict) else None


def tokenizer_files(folder: Path) -> dict[str, bytes]:
    """The files that are copied from the tokenizer's source."""
    return {file: (folder / file).read_bytes() for file in COPIED if (folder / file).is_file()}
