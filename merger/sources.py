"""Where an input of a merge stands: a tensor of an artifact, as it is or with what an adapter adds to it.

docs/arithmetic.md, "Adapters". Pure, like the plan that is made of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from merger.adapters import MOST_BYTES, Product, Replaced, applied
from merger.manifest import Manifest, Tensor
from merger.recipe import Parent
from signing.canonical import Json
from signing.errors import Malformed

Changes = Mapping[str, Product | Replaced]
"""What one parent's adapter does to its model's tensors, by their names."""


@dataclass(frozen=True, slots=True)
class Source:
    """One tensor of one artifact: where the bytes of an input stand, and what an adapter adds to it, if one does."""

    model: str
    tensor: str
    product: Product | None = None

    def __str__(self) -> str:
        applied = f" with {self.product.adapter}" if self.product else ""
        return f"{self.tensor} of {self.model}{applied}"


def changes_of(
    parent: Parent,
    manifests: Mapping[str, Manifest],
    configs: Mapping[str, Mapping[str, Json]],
    tensors: Mapping[str, Mapping[str, Tensor]],
) -> Changes:
    """Return what a parent's adapter does to its model, by tensor name."""
    if parent.adapter is None or parent.scale in (None, "0"):
        return {}
    adapter, theirs = parent.adapter, tensors[parent.model]
    return applied(adapter, str(parent.scale), configs[adapter], manifests[adapter], parent.model, theirs)


def adapted(source: Source, tensor: Tensor, changes: Changes) -> tuple[Source, Tensor]:
    """Return a model's tensor as its adapter leaves it."""
    match changes.get(source.tensor):
        case Product() as product:
            return replace(source, product=product), tensor
        case Replaced(adapter, own):
            return Source(adapter, own.name), own
        case None:
            return source, tensor


def check_size(name: str, sources: Sequence[Source]) -> None:
    """Refuse adapters whose factors would take more memory than is held for one tensor."""
    size = sum(one.product.size for one in set(sources) if one.product)
    if size > MOST_BYTES:
        raise Malformed(
            f"{name}: the factors of its adapters take {size} bytes in fp64; at most {MOST_BYTES} are held"
        )
