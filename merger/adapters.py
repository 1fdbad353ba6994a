"""What a PEFT LoRA adapter does to each tensor of the model it is applied to, from its config and manifest alone.

Hu et al., https://arxiv.org/abs/2106.09685, section 4.1: W + (alpha / r) · B·A; Kalajdzievski,
https://arxiv.org/abs/2312.03732 (rsLoRA): alpha / √r. docs/arithmetic.md, "Adapters". Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from merger.lora import Lora, saves
from merger.manifest import FLOATS, Manifest, Tensor
from signing.canonical import Json
from signing.errors import Malformed

PREFIX = "base_model.model."
# A and B of one tensor's inputs are held in fp64 while the tensor is merged; rank 256 of the largest vocabularies fits.
MOST_BYTES = 1 << 29

PAIRS = ((".lora_A.weight", ".lora_B.weight"), (".lora_embedding_A", ".lora_embedding_B"))


@dataclass(frozen=True, slots=True)
class Product:
    """What an adapter adds to one tensor: scale · alpha / root · B·A, or its transpose, of two tensors of the adapter."""

    adapter: str
    a: Tensor
    b: Tensor
    scale: float
    alpha: float
    root: float
    """What alpha is divided by: r, or its square root."""
    transposed: bool

    @property
    def factor(self) -> float:
        """Return what B·A is multiplied by."""
        return (self.scale * self.alpha) / self.root

    @property
    def rank(self) -> int:
        """Return r, over which the products are summed."""
        return self.a.shape[0]

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Return the shape of the tensor that it is added to, or None where A and B are factors of none."""
        if self.transposed:
            return (
                (*self.a.shape[1:], self.b.shape[0]) if len(self.a.shape) == len(self.b.shape) == 2 else None
            )
        return (self.b.shape[0], *self.a.shape[1:]) if math.prod(self.b.shape[2:]) == 1 else None

    @property
    def size(self) -> int:
        """Return the bytes of A and B in fp64."""
        return 8 * (self.a.elements + self.b.elements)

    @property
    def double(self) -> bool:
        """Say whether A or B is stored in fp64, which the tensor is then computed in."""
        return "F64" in (self.a.dtype, self.b.dtype)


@dataclass(frozen=True, slots=True)
class Replaced:
    """The tensor of an adapter that stands in for one of the model's (`modules_to_save`)."""

    adapter: str
    tensor: Tensor


Change = Product | Replaced


def applied(
    adapter: str,
    scale: str,
    config: Mapping[str, Json],
    manifest: Manifest,
    model: str,
    tensors: Mapping[str, Tensor],
) -> dict[str, Change]:
    """Return what `adapter` does at `scale` to each of the model's `tensors` that it touches, by their names."""
    if not manifest.tensors:
        raise Malformed(f"{adapter} holds no tensors in safetensors files; it cannot be applied to {model}")
    found = changes(Lora.of(adapter, config), float(scale), manifest, tensors)
    for name, change in found.items():
        if name not in tensors:
            raise Malformed(f"{name}: the adapter {adapter} is for it, and {model} has no such tensor")
        _check_fit(name, change, tensors[name], model)
    return found


def changes(lora: Lora, scale: float, manifest: Manifest, model: Mapping[str, Tensor]) -> dict[str, Change]:
    """Return what each tensor of an adapter, or pair of them, does, by the name of the model's tensor it is done to.

    `model` holds the tensors of the model the adapter is for; where there are none at hand, no tensor is the model's own.
    """
    found: dict[str, Change] = {}
    for name, change in _changes(lora, scale, manifest, model):
        if name in found:
            raise Malformed(f"{name}: the adapter {lora.adapter} changes it twice")
        found[name] = change
    return found


def _changes(
    lora: Lora, scale: float, manifest: Manifest, model: Mapping[str, Tensor]
) -> Iterator[tuple[str, Change]]:
    tensors = {tensor.name: tensor for tensor in manifest.tensors}
    for full, tensor in tensors.items():
        name = full.removeprefix(PREFIX)
        ends = next((pair for pair in PAIRS if name.endswith(pair)), None)
        own = model.get(name.replace(".base_layer.", "."))
        # PEFT saves an embedding that it adapts once more as it was: what is the model's own changes nothing.
        if (
            full != name
            and own
            and (tensor.dtype, tensor.shape, tensor.digest) == (own.dtype, own.shape, own.digest)
        ):
            continue
        if full == name or (ends is None and not saves(lora.saved, name)):
            unknown = (
                "" if model or full == name else "; if it is the base's own, name the base of the adapters"
            )
            raise Malformed(
                f"{full} of {lora.adapter} is neither a factor of a LoRA product nor of a module in modules_to_save{unknown}"
            )
        if ends is None:
            yield name, Replaced(lora.adapter, tensor)
            continue
        module = name.removesuffix(ends[0]).removesuffix(ends[1])
        a, b = (tensors.get(f"{PREFIX}{module}{end}") for end in ends)
        if a is None or b is None:
            raise Malformed(
                f"{full} of {lora.adapter} stands alone: {ends[0][1:]} and {ends[1][1:]} come in pairs"
            )
        if tensor is a:
            yield f"{module}.weight", _product(lora, scale, module, a, b, embeds=ends is PAIRS[1])


def _product(lora: Lora, scale: float, module: str, a: Tensor, b: Tensor, *, embeds: bool) -> Product:
    """Return what a pair of factors adds to the module's weight."""
    rank, alpha = lora.ranked(module)
    if min(len(a.shape), len(b.shape)) < 2 or not a.shape[0] == b.shape[1] == rank:
        raise Malformed(
            f"{module}: A of {lora.adapter} is {a.shape} and B {b.shape}, which are no factors of rank {rank}"
        )
    root = math.sqrt(rank) if lora.rooted else rank
    return Product(lora.adapter, a, b, scale, alpha, root, embeds or lora.fan_in_fan_out)


def _check_fit(name: str, change: Change, tensor: Tensor, model: str) -> None:
    match change:
        case Replaced(adapter, found):
            if found.shape != tensor.shape:
                raise Malformed(f"{name} is {found.shape} in {adapter} and {tensor.shape} in {model}")
        case Product(adapter, a, b):
            if change.shape != tensor.shape:
                turned = "the transpose of " if change.transposed else ""
                raise Malformed(
                    f"{name} of {model} is {tensor.shape}, but {adapter} adds {turned}B·A of {b.shape} and {a.shape} to it"
                )
            odd = next((one for one in (tensor, a, b) if one.dtype not in FLOATS), None)
            if odd is not None:
                raise Malformed(
                    f"{name}: {adapter} adds to it, but {odd.name} holds {odd.dtype}; only floats are added"
                )
