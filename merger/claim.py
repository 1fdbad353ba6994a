"""What was signed about a merge, held to what recipe and inputs say of it without any arithmetic.

Which tensors there are, of which types and shapes and in which shards, and every small file byte for byte
(docs/arithmetic.md, "Files"): all of it follows from the recipe, the parents' manifests and their configs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from merger.card import small_files
from merger.manifest import DIGEST, Manifest, tensor_digest, utf8
from merger.plan import Plan
from signing.canonical import Json
from signing.digest import sha256_hex

if TYPE_CHECKING:  # who serves a registry reads cards and claims, and opens no weights
    from merger.weights import Weights


@dataclass(frozen=True, slots=True)
class Fault:
    """What does not hold: the tensor or file, the block of it if it is one, and a sentence."""

    name: str
    block: int | None
    said: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What was signed about a merge: its manifest with the block digests, and the account of the execution."""

    manifest: Manifest
    blocks: bytes
    account: Json


def described(plan: Plan, weights: Mapping[str, Weights], claim: Claim) -> list[Fault]:
    """Hold the manifest to all that recipe and inputs say of it without arithmetic: tensors, places, small files."""
    faults = []
    there = {t.name: (t.dtype, t.shape, t.file) for t in claim.manifest.tensors}
    want = {step.name: (step.dtype, step.shape, file) for file, steps in plan.shards for step in steps}
    for name in utf8(there.keys() | want.keys()):
        if there.get(name) != want.get(name):
            said = f"signed as {there.get(name, 'absent')}, made as {want.get(name, 'absent')}"
            faults.append(Fault(name, None, said))
    blocks = digests(claim)
    faults += [
        Fault(tensor.name, None, "the digest signed is not that of its signed block digests")
        for tensor in claim.manifest.tensors
        if tensor_digest(b"".join(blocks[tensor.name])) != tensor.digest
    ]
    small = small_files(plan, weights)
    files = {file.name: file.sha256 for file in claim.manifest.files}
    hashes = {name: sha256_hex(data) for name, data in small.items()}
    shards = {name for name, _ in plan.shards}
    for name in utf8(files.keys() | hashes.keys() | shards):
        if name not in files:
            faults.append(Fault(name, None, "is not among the files signed"))
        elif name not in shards and files[name] != hashes.get(name):
            said = "is another file than the recipe makes" if name in hashes else "is no file of this merge"
            faults.append(Fault(name, None, said))
    return faults


def digests(claim: Claim) -> dict[str, list[bytes]]:
    """Return the signed digest of every block, by tensor."""
    first = claim.manifest.offsets()
    return {
        tensor.name: [
            claim.blocks[number * DIGEST : (number + 1) * DIGEST]
            for number in range(first[tensor.name], first[tensor.name] + tensor.blocks)
        ]
        for tensor in claim.manifest.tensors
    }
