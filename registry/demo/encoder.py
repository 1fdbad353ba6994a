"""A model folder that turns sentences into directions: mean pooling over tokens, length one.

The pooling is that of sentence-transformers/all-MiniLM-L6-v2 (its `1_Pooling/config.json`), written out here so that
the demo needs transformers and nothing above it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging as chatter

Vectors = NDArray[np.float64]
BATCH = 50


@contextmanager
def steady() -> Iterator[None]:
    """Let torch compute repeatably for a while: the same machine makes the same bytes again, busy or not.

    One thread: sums then do not depend on how many there are, and where another process holds a core, two threads
    that wait for each other at every step were seen to take ten times as long as one.
    """
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(mode=strict)
        torch.set_num_threads(threads)


class Encoder:
    """One loaded model with its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model = model
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, folder: Path) -> "Encoder":
        """Load `folder` with `AutoModel.from_pretrained`, never asking the network, never running its code."""
        # The integer position_ids of older checkpoints is reported as unexpected by newer versions, which make it.
        chatter.set_verbosity_error()  # type: ignore[no-untyped-call]  # transformers leaves it unannotated
        chatter.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves it unannotated
        # Half precision is widened: the stored weights are what is measured, not a processor's fp16 arithmetic.
        model = AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
        return cls(model.eval(), AutoTokenizer.from_pretrained(folder, local_files_only=True))

    def encode(self, sentences: Sequence[str]) -> torch.Tensor:
        """Return one row of length one per sentence, through which gradients flow."""
        tokens = self._tokenizer(
            list(sentences), padding=True, truncation=True, max_length=128, return_tensors="pt"
        )
        hidden = self.model(**tokens).last_hidden_state
        mask = tokens["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * mask).sum(1) / mask.sum(1)
        return torch.nn.functional.normalize(mean, dim=1)

    def vectors(self, sentences: Sequence[str]) -> Vectors:
        """Return the rows of `sentences` as numbers, in their order."""
        # Sentences of like length share a batch: padding is half the work otherwise.
        order = sorted(range(len(sentences)), key=lambda at: len(sentences[at]))
        rows: list[Vectors] = [np.empty(0)] * len(sentences)
        with torch.inference_mode():
            for start in range(0, len(order), BATCH):
                chosen = order[start : start + BATCH]
                found = self.encode([sentences[at] for at in chosen]).double().numpy()
                for at, row in zip(chosen, found, strict=True):
                    rows[at] = row
        return np.stack(rows)
