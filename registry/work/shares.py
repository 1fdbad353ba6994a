"""How much of a merge comes from which parent, as its signed account counted it while it was merged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from merger.claim import Claim
from registry.work.logged import Provenance
from signing.canonical import Json, is_integer
from signing.errors import Malformed, Untrusted

# The operations of an account that merge nothing; an entry without one is not passed off as a copy.
_TAKEN = frozenset({"copy", "convert"})


@dataclass(frozen=True, slots=True)
class Part:
    """One parent's part in some tensors of a merge; None stands for what the method does not have.

    `kept` and `agreed` are shares of the elements, `energy` of the sum of squares that all parents put in.
    """

    position: int
    reference: str
    kept: float | None
    agreed: float | None
    energy: float | None


@dataclass(frozen=True, slots=True)
class Counted:
    """One tensor as the account counts it: its elements, and by the recipe's parents what it says of each."""

    tensor: str
    elements: int
    of: Mapping[int, Mapping[str, float]]


def counted(artifact: str, claim: Claim, tensor: str | None = None) -> tuple[list[Counted], int, int]:
    """Return what the account of a merge counts of its tensors, or of one.

    Beside it: of how many merged tensors it counts nothing (methods that make elements of others than those in their
    place), and how many tensors were taken whole from one source.
    """
    entries = claim.account.get("tensors") if isinstance(claim.account, Mapping) else None
    sizes = {one.name: one.elements for one in claim.manifest.tensors}
    if tensor is not None and tensor not in sizes:
        raise Malformed(f"{artifact} has no tensor {tensor!r:.80}")
    names = [tensor] if tensor is not None else list(sizes)
    made, uncounted, whole = [], 0, 0
    for name in names:
        entry = entries.get(name) if isinstance(entries, Mapping) else None
        if not isinstance(entry, Mapping):
            raise Untrusted(f"the account of {artifact} says nothing of {name}")
        if "shares" in entry:
            made.append(Counted(name, sizes[name], _read(name, sizes[name], entry)))
        elif entry.get("operation") in _TAKEN:
            whole += 1
        else:
            uncounted += 1
    return made, uncounted, whole


def parts(found: Provenance, tensors: Sequence[Counted]) -> list[Part]:
    """Return each parent's part in tensors taken together; what single tensors do not have is left out of the mean."""
    result = []
    energies = [value for one in tensors for of in one.of.values() if (value := of.get("energy")) is not None]
    whole = math.fsum(energies)
    for position, parent in enumerate(found.recipe.parents):
        mine = [(one.elements, one.of[position]) for one in tensors if position in one.of]
        energy = [of["energy"] for _, of in mine if "energy" in of]
        result.append(
            Part(
                position,
                parent.reference,
                _mean(mine, "kept"),
                _mean(mine, "agreed"),
                math.fsum(energy) / whole if energies and whole else None,
            )
        )
    return result


def _mean(mine: Sequence[tuple[int, Mapping[str, float]]], name: str) -> float | None:
    known = [(elements, of[name]) for elements, of in mine if name in of]
    size = sum(elements for elements, _ in known)
    return sum(count for _, count in known) / size if size else None


def _read(tensor: str, elements: int, entry: Mapping[str, Json]) -> dict[int, dict[str, float]]:
    match entry:
        case {"parents": list(positions), "shares": dict(shares)} if all(map(is_integer, positions)):
            found: dict[int, dict[str, float]] = {int(str(position)): {} for position in positions}
            for name, values in shares.items():
                if not isinstance(values, list) or len(values) != len(positions):
                    raise Untrusted(
                        f"{tensor}: the account's shares have not one {name!r:.40} for each parent"
                    )
                for of, value in zip(found.values(), values, strict=True):
                    of[name] = _number(tensor, value)
                    if name in ("kept", "agreed") and of[name] > elements:
                        raise Untrusted(f"{tensor}: the account counts {value!r:.40} of {elements} elements")
            return found
    raise Untrusted(f"{tensor}: the account's shares are of no parents")


def _number(tensor: str, value: Json) -> float:
    try:
        number = float.fromhex(value) if isinstance(value, str) else float(str(value))
    except (ValueError, OverflowError):
        number = math.nan
    if not number >= 0:
        raise Untrusted(f"{tensor}: the account says {value!r:.40} where a share stands")
    return number
