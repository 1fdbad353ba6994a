"""`method@engine`: another engine's own values of parameters, where they differ from ours and can be had here.

An engine's name spells parameters; the arithmetic stays arithmetic 1's (docs/adr/0022-engine-names.md). What such a
document computes elsewhere and not here is said in notes. Facts are mergekit 0.1.5's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from merger.dialect.elsewhere import MERGEKIT
from merger.dialect.schema import shown
from merger.method import Method
from signing.errors import Malformed

ENGINE = "mergekit-0.1"

# Where that engine's default is another than the one that this dialect writes out for a bare method.
_STRETCHING = frozenset(("dare_linear", "dare_ties", "della", "della_linear"))
_ALWAYS = f"{ENGINE}: its parameters and defaults are taken, and values agree with its own up to rounding, since it adds with a library, in the type of the tensors"
# What differs beyond rounding, by a method's id or by what it has: one of its parameters, or masks.
_DIFFERS: Mapping[str, str] = {
    "masks": "its random masks come from torch's generator and cannot be drawn again; here they come from the recipe's seed",
    "rescale": "it stretches no task vector whose l1 norm, or what is kept of it, is below 0.0000001",
    "vote": "a parent of negative weight agrees there where its weighted task vector has the elected sign, and here where the task vector itself has it",
    "gamma": "it keeps nothing where density times a tensor's elements is below 1, and before 0.1.5 nothing where gamma times them is; here one is kept, and none are skipped",
    "slerp": "it takes a tensor no longer than 0.00000001 for one of length 1",
    "normalize": "weights whose sum is below 0.00000001 are not divided by it there where there is a base; here only a sum of 0 is told apart, and refused",
    "nuslerp": "weights whose sum is below 0.000001 are one half each there; here only a sum of 0 is told apart, and refused",
    "multislerp": "it leaves a parent that remains alone unweighted, and stops where more than two parents cancel out; here their weighted sum is taken",
    "karcher": "it leaves out parents no longer than tol, and measures in the type of the tensors",
    "model_stock": "products of lengths below 0.000001 count as 0.000001 there",
    "nearswap": "distances below 0.000001 count as 0.000001 there",
    "sce": "weights are equal there where the mean squares sum to less than 0.000001, as those of small task vectors do, and select_topk is a share of the elements whose variance is not 0",
}


def parted(value: str) -> tuple[str, str | None]:
    """Return the method and the engine that a merge_method names; refuse engines and methods of theirs that are unknown."""
    method, at, engine = value.partition("@")
    if not at:
        return value, None
    if engine != ENGINE:
        raise Malformed(
            f"merge_method is {shown(value)}, and of engines only {ENGINE} is known; write {method}@{ENGINE}, or {method} for arithmetic 1's own values"
        )
    if method not in MERGEKIT:
        raise Malformed(
            f"merge_method is {shown(value)}, but mergekit 0.1.5 has no {method!r:.80}; write it without @"
        )
    return method, engine


def defaults(engine: str | None, method: Method) -> Mapping[str, str]:
    """Return the engine's own defaults, by parameter, where they differ from those of the bare method."""
    return {"rescale": "l1"} if engine and method.id in _STRETCHING else {}


def spelled(engine: str | None, words: Mapping[str, bool | str]) -> dict[str, bool | str]:
    """Return flags and words with the engine's flags in the words that they come to: its `rescale` is one to the l1 norm."""
    flag = words.get("rescale")
    if engine is None or not isinstance(flag, bool):
        return dict(words)
    return {**words, "rescale": "l1" if flag else "none"}


def notes(engine: str | None, method: Method) -> Iterator[str]:
    """Yield what an engine computes otherwise for a method."""
    if engine is None:
        return
    yield _ALWAYS
    has = {method.id, *(p.name for p in method.parameters), *(("masks",) if method.draws else ())}
    yield from (f"{engine}: {said}" for word, said in _DIFFERS.items() if word in has)
