"""Where an input of a merge stands: a tensor of an artifact, as it is, with what an adapter adds to it, or row by row.

docs/arithmetic.md, "Adapters" and "Vocabularies". Pure, like the plan that is made of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from merger.adapters import MOST_BYTES, Product, Replaced, applied
from merger.manifest import Manifest, Tensor
from merger.recipe import Parent
from signing.canonical import Json
from signing.errors import Malformed

Changes = Mapping[str, Product | Replaced]
"""What one parent's adapter does to its model's tensors, by their names."""


@dataclass(frozen=True, slots=True, eq=False)
class Gather:
    """Where each row of a gathered input stands: row `rows[i]` of tensor `lenders[whose[i]]`; +0 where that is -1."""

    lenders: tuple[tuple[str, str], ...]
    """Artifacts and their tensors."""
    whose: NDArray[np.int16]
    rows: NDArray[np.int64]

    def shares(self) -> dict[tuple[str, str] | None, int]:
        """Return how many rows each lender gives, in order of lenders, and how many are +0 (None)."""
        counts = np.bincount(self.whose + 1, minlength=len(self.lenders) + 1).tolist()
        found: dict[tuple[str, str] | None, int] = {}
        for lender, count in zip((*self.lenders, None), (*counts[1:], counts[0]), strict=True):
            found[lender] = found.get(lender, 0) + count
        return {lender: count for lender, count in found.items() if count}


@dataclass(frozen=True, slots=True)
class Source:
    """One tensor of one artifact: where the bytes of an input stand, what an adapter adds, which rows are gathered."""

    model: str
    tensor: str
    product: Product | None = None
    rows: Gather | None = None

    def __str__(self) -> str:
        applied = f" with {self.product.adapter}" if self.product else ""
        gathered = " by rows" if self.rows else ""
        return f"{self.tensor} of {self.model}{applied}{gathered}"

    def holding(self, row: int) -> str:
        """Return what holds a row of it: of a gathered input, whose row that is."""
        if self.rows is None:
            return str(self)
        if self.rows.whose[row] < 0:
            return f"{self}: +0, no row"
        model, tensor = self.rows.lenders[self.rows.whose[row]]
        return f"{self}: row {self.rows.rows[row]} of {tensor} of {model}"


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
