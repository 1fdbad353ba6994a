"""Tiny models of real architectures, with a tokenizer of a few words."""

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = ["[PAD]", "[UNK]", "[MASK]", "[CLS]", "[SEP]", "a", "dog", "eats", "the", "bone", "and", "sleeps"]
SIZES = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12}


def llama(folder: Path, seed: int, **more: Any) -> Path:
    config = transformers.LlamaConfig(
        vocab_size=len(WORDS), max_position_embeddings=32, num_key_value_heads=1, **SIZES, **more
    )
    return save(folder, seed, transformers.LlamaForCausalLM, config)


def bert(folder: Path, seed: int, architecture: str = "BertForMaskedLM") -> Path:
    config = transformers.BertConfig(vocab_size=len(WORDS), max_position_embeddings=32, **SIZES)
    return save(folder, seed, getattr(transformers, architecture), config)


def save(folder: Path, seed: int, kind: Any, config: Any) -> Path:
    torch.manual_seed(seed)
    kind(config).save_pretrained(folder)
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 3), ("[SEP]", 4)],
    )
    named = {f"{word.strip('[]').lower()}_token": word for word in WORDS[:5]}
    transformers.PreTrainedTokenizerFast(tokenizer_object=words, **named).save_pretrained(folder)
    return folder
