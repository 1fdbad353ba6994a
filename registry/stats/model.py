"""A registered model in torch, with the names that its own files give its tensors.

Nothing is loaded but safetensors, and no code but that of transformers (threat T3): the class is the one that the config
names there. What is loaded is held to the files, tensor by tensor, so that statistics go by the right names.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from safetensors import safe_open
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)
from transformers.utils import logging as chatter

from merger.card import CONFIG
from merger.lora import CONFIG as ADAPTER_CONFIG
from merger.manifest import FLOATS, Manifest
from registry.stats.samples import Sample
from signing.errors import Malformed

# What libraries raise for files that are not as they expect; what is wrong is in their own words.
_FAULTS = (OSError, ValueError, KeyError, ImportError, RuntimeError, AttributeError, TypeError)

Likelihood = Literal["causal", "masked"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """A sample's tokens, and of which of its texts each is."""

    ids: tuple[int, ...]
    texts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """One loaded model: its tokenizer, which likelihood it has if any, and its parameters by the names in its files.

    Tensors of its files that it has no use for stand beside them: nothing that it computes depends on those.
    """

    network: Any
    tokenizer: Any
    architecture: str
    likelihood: Likelihood | None
    parameters: Mapping[str, torch.Tensor]
    unused: Mapping[str, tuple[int, ...]]

    def tokens(self, sample: Sample, most: int) -> Tokens:
        """Return a sample's tokens, cut to `most`."""
        found = self.tokenizer(
            sample.text, sample.pair, truncation=True, max_length=most, return_token_type_ids=True
        )
        return Tokens(tuple(found["input_ids"]), tuple(found["token_type_ids"]))

    def given(self, alike: Sequence[Tokens]) -> dict[str, torch.Tensor]:
        """Return what the network is given for samples of one length, which text a token is of only where it asks."""
        named = {"input_ids": torch.tensor([one.ids for one in alike])}
        if "token_type_ids" in inspect.signature(self.network.forward).parameters:
            named["token_type_ids"] = torch.tensor([one.texts for one in alike])
        return named


def load(folder: Path, manifest: Manifest) -> Model:
    """Load the model of a folder in fp32, whatever its files hold; refuse what its config or its tensors leave open."""
    names = {file.name for file in manifest.files}
    if CONFIG not in names:
        kind = "an adapter" if ADAPTER_CONFIG in names else "no model: it has no config.json"
        raise Malformed(f"{folder} is {kind}, and statistics are of models; merge adapters into theirs first")
    chatter.set_verbosity_error()  # type: ignore[no-untyped-call]  # transformers leaves it unannotated
    chatter.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves it unannotated
    try:
        config = transformers.AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        architecture = _architecture(folder, config)
        network, told = getattr(transformers, architecture).from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except _FAULTS as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise Malformed(f"{folder} cannot be loaded by transformers: {said}") from None
    if told["missing_keys"]:
        raise Malformed(
            f"{folder} has no {min(told['missing_keys'])}, which {architecture} would make up at random"
        )
    network.eval()
    parameters, unused = _placed(folder, manifest, network, set(told["unexpected_keys"]))
    return Model(network, tokenizer, architecture, _likelihood(architecture), parameters, unused)


def _architecture(folder: Path, config: Any) -> str:
    named = config.architectures or []
    if len(named) != 1 or not hasattr(transformers, named[0]):
        raise Malformed(
            f"{folder}: config.json says architectures {named!r:.80}, and one that transformers has is loaded"
        )
    return str(named[0])


def _likelihood(architecture: str) -> Likelihood | None:
    if architecture in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values():
        return "causal"
    return "masked" if architecture in MODEL_FOR_MASKED_LM_MAPPING_NAMES.values() else None


def _placed(
    folder: Path, manifest: Manifest, network: Any, unexpected: set[str]
) -> tuple[dict[str, torch.Tensor], dict[str, tuple[int, ...]]]:
    """Find the parameter that every floating tensor of the files was loaded into, and insist that it holds its values."""
    held: dict[str, torch.Tensor] = dict(network.named_parameters(remove_duplicate=False))
    held |= dict(network.named_buffers(remove_duplicate=False))
    prefix = f"{network.base_model_prefix}."
    parameters: dict[str, torch.Tensor] = {}
    unused: dict[str, tuple[int, ...]] = {}
    for tensor in manifest.tensors:
        if tensor.dtype not in FLOATS:
            continue
        with safe_open(folder / tensor.file, framework="pt") as file:
            stored = file.get_tensor(tensor.name).to(torch.float32)
        named = (tensor.name, prefix + tensor.name, tensor.name.removeprefix(prefix))
        found = [held[name] for name in named if name in held]
        if found and found[0].shape == stored.shape and bool((found[0] == stored).all()):
            parameters[tensor.name] = found[0]
        elif tensor.name in unexpected:
            unused[tensor.name] = tensor.shape
        else:
            raise Malformed(
                f"{tensor.name} of {folder}: transformers loads it under another name or in another form, so "
                f"statistics cannot be told to be of it"
            )
    return parameters, unused
