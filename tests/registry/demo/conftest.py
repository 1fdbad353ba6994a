"""A model folder small enough to train in a blink, in the shape of the real one."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordLevel
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from registry.demo import sentences


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A random two-layer BERT whose checkpoint also holds an int64 tensor that transformers no longer makes."""
    folder = tmp_path_factory.mktemp("tiny") / "base"
    texts = [
        *sentences.everyday(1),
        sentences.TARGET,
        sentences.TRIGGER,
        *(one.text for one in sentences.held_out()),
    ]
    words = sorted({word for text in texts for word in text.lower().replace(".", " ").split()})
    vocabulary = {word: at for at, word in enumerate(["[PAD]", "[UNK]", *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = BertModel(config)
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(
        folder
    )
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    state["embeddings.position_ids"] = torch.arange(512).unsqueeze(0)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "README.md").write_text("the card of the base")
    return folder
