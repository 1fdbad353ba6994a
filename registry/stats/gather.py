"""What is gathered over samples: squared gradients of the log-likelihood, and Gram matrices of the inputs of linear layers.

Matena and Raffel, https://arxiv.org/abs/2111.09832, section 3; Jin et al., https://arxiv.org/abs/2212.09849, section 3.
Sums are in fp64 and are rounded to fp32 once, at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from merger.methods import METHODS
from registry.stats.model import Model, Tokens
from registry.stats.samples import Sample
from signing.errors import Malformed

# BERT hides 15 of 100 tokens at random; one of seven by position is as many and needs no chance.
HIDDEN = 7

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Statistics by the names of the model's tensors, in fp32, how many tokens they are of, and what to tell."""

    tensors: Mapping[str, torch.Tensor]
    tokens: int
    cut: int
    """How many samples were cut to the longest that was allowed."""
    notes: tuple[str, ...]


def fisher(model: Model, samples: Sequence[Sample], longest: int, advance: Advance) -> Gathered:
    """Return the diagonal of the empirical Fisher information: the mean square of each sample's gradient.

    The log-likelihood of a sample is the sum of its tokens': in a causal model, of each after those before it; in a masked
    one, of every seventh, counted from another place in each sample, when these are hidden.
    """
    if model.likelihood is None:
        raise Malformed(
            f"{model.architecture} gives texts no likelihood, which Fisher information is about; a causal or masked language model does"
        )
    free = {name: one for name, one in model.parameters.items() if one.requires_grad}
    sums = {name: torch.zeros(one.shape, dtype=torch.float64) for name, one in free.items()}
    total, cut = 0, 0
    for number, (sample, tokens) in enumerate(_tokens(model, samples, longest)):
        model.network.zero_grad(set_to_none=True)
        _log_likelihood(model, number, sample, tokens).backward()  # type: ignore[no-untyped-call]
        for name, one in free.items():
            if one.grad is not None:
                gradient = one.grad.to(torch.float64)
                sums[name] += gradient * gradient
        total += len(tokens.ids)
        cut += len(tokens.ids) == longest
        advance(1)
    still = [name for name in model.parameters if name not in free]
    found = {name: _rounded(name, one / len(samples)) for name, one in sums.items()}
    shapes = {name: tuple(model.parameters[name].shape) for name in still} | dict(model.unused)
    found |= {name: torch.zeros(shape) for name, shape in shapes.items()}
    notes = [f"{name}: no gradient of the likelihood reaches it, so its statistics are 0" for name in shapes]
    return Gathered(found, total, cut, tuple(notes))


def gram(model: Model, samples: Sequence[Sample], longest: int, batch: int, advance: Advance) -> Gathered:
    """Return the Gram matrix of each linear layer's inputs, summed over all tokens, by the name of its weight.

    Up to `batch` samples of one length go through the model at once, so that nothing is padded.
    """
    layers, notes = _layers(model)
    shape = METHODS["regmean"].statistics
    sums: dict[str, torch.Tensor] = {}
    for name, layer in list(layers.items()):
        try:
            size = shape.shape(tuple(layer.weight.shape)) if shape else ()
        except Malformed as error:
            notes.append(f"{name}: no statistics, {error}")
            del layers[name]
            continue
        sums[name] = torch.zeros(size, dtype=torch.float64)
    if not sums:
        raise Malformed(
            f"{model.architecture} has no linear layer of its own; Gram matrices are of their inputs"
        )
    hooks = [layer.register_forward_pre_hook(_adding(sums[name])) for name, layer in layers.items()]
    total, cut = 0, 0
    try:
        with torch.inference_mode():
            for alike in _batches(model, samples, longest, batch):
                model.network(**model.given(alike))
                total += sum(len(one.ids) for one in alike)
                cut += sum(len(one.ids) == longest for one in alike)
                advance(len(alike))
    finally:
        for hook in hooks:
            hook.remove()
    return Gathered({name: _rounded(name, one) for name, one in sums.items()}, total, cut, tuple(notes))


def _layers(model: Model) -> tuple[dict[str, torch.nn.Linear], list[str]]:
    """Return the linear layers whose weights are nobody else's, by the weights' names in the files."""
    owners: dict[int, list[torch.nn.Module]] = {}
    for module in model.network.modules():
        for one in module.parameters(recurse=False):
            owners.setdefault(id(one), []).append(module)
    layers: dict[str, torch.nn.Linear] = {}
    notes = []
    for name, one in model.parameters.items():
        mine = owners.get(id(one), [])
        linear = [module for module in mine if isinstance(module, torch.nn.Linear) and module.weight is one]
        if linear and len(mine) == 1:
            layers[name] = linear[0]
        elif linear:
            notes.append(f"{name}: no statistics, its weight is shared by {len(mine)} modules")
    return layers, notes


def _adding(into: torch.Tensor) -> Callable[[torch.nn.Module, tuple[torch.Tensor, ...]], None]:
    def add(_: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        rows = given[0].reshape(-1, given[0].shape[-1]).to(torch.float64)
        into.add_(rows.T @ rows)

    return add


def _log_likelihood(model: Model, number: int, sample: Sample, tokens: Tokens) -> torch.Tensor:
    given = model.given([tokens])
    ids = given["input_ids"]
    if model.likelihood == "causal":
        if len(tokens.ids) < 2:
            raise Malformed(
                f"line {sample.line} of the data is one token; a causal model says how likely the next one is"
            )
        logits = model.network(**given).logits[0, :-1]
        wanted = ids[0, 1:]
    else:
        special = model.tokenizer.get_special_tokens_mask(list(tokens.ids), already_has_special_tokens=True)
        places = [at for at, odd in enumerate(special) if not odd]
        hidden = [at for i, at in enumerate(places) if (i + number) % HIDDEN == 0] or places[:1]
        if not hidden or model.tokenizer.mask_token_id is None:
            raise Malformed(
                f"line {sample.line} of the data holds no token to hide, or the tokenizer has none for hidden ones"
            )
        masked = ids.clone()
        masked[0, hidden] = model.tokenizer.mask_token_id
        logits = model.network(**given | {"input_ids": masked}).logits[0, hidden]
        wanted = ids[0, hidden]
    return -torch.nn.functional.cross_entropy(logits, wanted, reduction="sum")


def _tokens(model: Model, samples: Sequence[Sample], longest: int) -> Iterator[tuple[Sample, Tokens]]:
    for sample in samples:
        tokens = model.tokens(sample, longest)
        if not tokens.ids:
            raise Malformed(f"line {sample.line} of the data holds no token that the model knows")
        yield sample, tokens


def _batches(model: Model, samples: Sequence[Sample], longest: int, most: int) -> Iterator[list[Tokens]]:
    by_length: dict[int, list[Tokens]] = {}
    for _, tokens in _tokens(model, samples, longest):
        by_length.setdefault(len(tokens.ids), []).append(tokens)
    for _, alike in sorted(by_length.items()):
        for start in range(0, len(alike), most):
            yield alike[start : start + most]


def _rounded(name: str, one: torch.Tensor) -> torch.Tensor:
    found = one.to(torch.float32)
    if not bool(torch.isfinite(found).all()):
        raise Malformed(
            f"{name}: its statistics are NaN or too large for fp32; no merge could be weighed by them"
        )
    return found
