"""Check a logged merge by some of its blocks, drawn now: nobody who signed it could know which they would be.

A sample is no rebuild, and no statement can say so truthfully: a verdict of `lineage.predicates.rebuild` is about every
byte. So nothing is logged.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from merger.claim import Claim, Fault
from merger.folder import Changed, Progress
from merger.sample import Below, Sampled, sample, stored
from merger.weights import opened_weights
from registry.home import Home
from registry.store import Absent
from registry.work.engine import NUMPY, Computer
from registry.work.logged import Provenance, claimed
from registry.work.make import planned
from registry.work.room import room
from registry.work.shelf import shelved
from signing.errors import Malformed


@dataclass(frozen=True, slots=True)
class Checked:
    """A sample of one merge, and whether the merge's own files were here to be compared as well."""

    provenance: Provenance
    sampled: Sampled
    here: bool


def check(
    home: Home,
    found: Provenance,
    count: int,
    computer: Computer = NUMPY,
    *,
    below: Below = secrets.randbelow,
    threads: int = 2,
    memory: int | None = None,
    progress: Progress = lambda _: None,
) -> Checked:
    """Recompute `count` blocks of a merge that `below` draws, and what the rest of its account comes to."""
    claim = claimed(home, found)
    inputs = shelved(home, found.recipe.artifacts())
    known = {artifact: (one.manifest, one.blocks) for artifact, one in inputs.items()}
    with opened_weights({artifact: one.folder for artifact, one in inputs.items()}, known) as weights:
        plan = planned(found.recipe, weights)
        threads, _ = room(plan, weights, computer, memory, threads=threads, factor=1)
        sampled = sample(
            plan, weights, claim, computer.kernels, count, below, threads=threads, progress=progress
        )
    here, wrong = _own(home, found.artifact, claim, sampled)
    return Checked(found, replace(sampled, faults=(*sampled.faults, *wrong)), here)


def _own(home: Home, artifact: str, claim: Claim, sampled: Sampled) -> tuple[bool, list[Fault]]:
    """Compare the drawn blocks with the bytes in the merge's own folder, where that is at hand."""
    try:
        own = shelved(home, [artifact])[artifact]
    except Absent:
        return False, []
    try:
        with opened_weights({artifact: own.folder}, {artifact: (claim.manifest, claim.blocks)}) as weights:
            known = weights[artifact].tensors
            return True, stored(weights[artifact], [one for one in sampled.drawn if one.tensor in known])
    except (Changed, Malformed) as error:
        return True, [Fault(own.folder.name, None, str(error))]
