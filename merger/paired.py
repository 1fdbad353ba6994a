"""Two sketches of one architecture side by side: by their tensors' names, or, where those were changed, by what the tensors hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from merger.elements import Shape
from merger.sketch import Drawn, Sketch, Values

# How alike to its own a renamed tensor is: 1 is the same, and what has nothing in common is below 0.
ALIKE = 0.5


def fitted(child: Sketch, other: Sketch) -> Values | None:
    """Return the other's values in the order of the child's tensors, None where they are of no one architecture.

    Tensors of other names are paired by how alike they are, if that leaves no doubt.
    """
    if child.family != other.family:
        return None
    own, theirs = ({one.name: one for one in each.tensors} for each in (child, other))
    if {name: one.shape for name, one in own.items()} == {name: one.shape for name, one in theirs.items()}:
        return np.concatenate([theirs[name].values for name in own]).astype(np.float64)
    paired = _paired(child.tensors, other.tensors)
    return None if paired is None else np.concatenate([one.values for one in paired]).astype(np.float64)


def _paired(own: Sequence[Drawn], theirs: Sequence[Drawn]) -> list[Drawn] | None:
    groups: dict[Shape, tuple[list[int], list[Drawn]]] = defaultdict(lambda: ([], []))
    for place, one in enumerate(own):
        groups[one.shape][0].append(place)
    for one in theirs:
        groups[one.shape][1].append(one)
    found: dict[int, Drawn] = {}
    for places, others in groups.values():
        likeness = _likeness([own[place] for place in places], others)
        best = likeness.argmax(axis=1)
        if len(set(best.tolist())) < len(best) or (likeness.max(axis=1) < ALIKE).any():
            return None
        found |= {place: others[at] for place, at in zip(places, best.tolist(), strict=True)}
    return [found[place] for place in range(len(own))]


def _likeness(own: Sequence[Drawn], others: Sequence[Drawn]) -> Values:
    """Return 1 less how far each pair of tensors is apart, in units of their size."""
    ours, theirs = (np.stack([one.values for one in each]).astype(np.float64) for each in (own, others))
    apart = np.array([[np.linalg.norm(one - other) for other in theirs] for one in ours])
    size = np.linalg.norm(ours, axis=1)[:, None] + np.linalg.norm(theirs, axis=1)[None, :]
    return np.asarray(1 - 2 * apart / np.maximum(size, np.finfo(np.float64).tiny))
