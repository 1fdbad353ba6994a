"""Say which parents put what into one weight of a logged merge, by deriving its block again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from merger.attribution import Attribution, attribute, number_of, parse, place
from merger.chunks import Chunks
from merger.claim import Claim
from merger.kernels.blocks import NumpyKernels
from merger.manifest import BLOCK, SIZES
from merger.measure import Measured
from merger.plan import Plan
from merger.steps import Compute, Step
from merger.weights import opened_weights
from merger.witness import claimed, entries, miscounted
from registry.home import Home
from registry.store import Absent
from registry.work import logged
from registry.work.logged import Provenance
from registry.work.make import planned
from registry.work.shelf import shelved
from signing.canonical import Json
from signing.errors import Malformed, Untrusted


@dataclass(frozen=True, slots=True)
class Attributed:
    """One weight of a merge: where, how it is derived, with which scalars, and what the merge's own files hold there."""

    artifact: str
    weight: str
    method: str
    dtype: str
    operation: str
    scalars: Json
    derived: Attribution
    stored: float | None
    """None where the merge's files are not here."""
    same: bool | None
    """Whether the stored bytes are the derived ones."""


def weigh(home: Home, found: Provenance, weight: str) -> Attributed:
    """Derive the weight `TENSOR[i,j]` of a merge again and compare it with what is stored.

    Raises `Untrusted` where the signed account does not add up, `Changed` where bytes are not those signed.
    """
    name, _ = parse(weight)
    claim = logged.claimed(home, found)
    inputs = shelved(home, found.recipe.artifacts())
    known = {artifact: (one.manifest, one.blocks) for artifact, one in inputs.items()}
    with opened_weights({artifact: one.folder for artifact, one in inputs.items()}, known) as weights:
        plan = planned(found.recipe, weights)
        step = next((step for step in plan.steps if step.name == name), None)
        if step is None:
            raise Malformed(f"{found.artifact} has no tensor {name!r:.80}")
        flat = place(weight, step.shape)
        chunks = Chunks(plan.recipe, weights, NumpyKernels)
        entry: Mapping[str, Json] = entries(plan, claim.account).get(name, {})
        measured = claimed(chunks, step, entry) if isinstance(step, Compute) else Measured(None)
        _check_counts(plan, chunks, step, entries(plan, claim.account), measured)
        derived = attribute(chunks, step, measured, flat)
    stored = _stored(home, found.artifact, claim, name, flat)
    return Attributed(
        artifact=found.artifact,
        weight=weight,
        method=found.recipe.method,
        dtype=step.dtype,
        operation=type(step).__name__.lower(),
        scalars=entry.get("scalars"),
        derived=derived,
        stored=None if stored is None else number_of(*stored),
        same=None if stored is None else stored == (derived.data, step.dtype),
    )


def _check_counts(
    plan: Plan, chunks: Chunks[Any], step: Step, found: Mapping[str, Mapping[str, Json]], measured: Measured
) -> None:
    """Refuse an account whose selections keep another number than the recipe: what it shows as kept may not be."""
    known = {step.name: measured}
    if plan.recipe.parameters.get("scope") == "model":
        others = [one for one in plan.steps if isinstance(one, Compute) and one.name in found]
        known |= {one.name: claimed(chunks, one, found[one.name]) for one in others}
    for name, said in miscounted(plan, known):
        raise Untrusted(f"{name}: {said}")


def _stored(home: Home, artifact: str, claim: Claim, name: str, flat: int) -> tuple[bytes, str] | None:
    """Return the bytes and the type of one element in the merge's own files, read with its block checked."""
    try:
        own = shelved(home, [artifact])[artifact]
    except Absent:
        return None
    with opened_weights({artifact: own.folder}, {artifact: (claim.manifest, claim.blocks)}) as weights:
        tensor = weights[artifact].tensors.get(name)
        if tensor is None or flat >= tensor.elements:
            return None
        width = SIZES[tensor.dtype]
        block, byte = divmod(flat * width, BLOCK)
        data = weights[artifact].read(name, block, 1, bytearray(BLOCK))
        return bytes(data[byte : byte + width]), tensor.dtype
