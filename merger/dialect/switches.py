"""Flags and words: what mergekit's `normalize`, `rescale`, `consensus_method` and `int8_mask` come to here.

mergekit 0.1.5 divides by the agreeing weights where `normalize` is true (its default for ties, not for dare_ties), and
rescales what a mask keeps to the task vector's l1 norm where `rescale` is true (its default for dare_*, not for ties).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from merger.methods import Method
from signing.errors import Malformed

Switches = Mapping[str, bool | str]


def names(method: Method) -> tuple[str, ...]:
    """Return what mergekit calls a method's flags, beyond our own names for them."""
    own = {p.name for p in method.parameters}
    found = ["int8_mask"]
    if method.needs_base:
        found.append("rescale")
    if "divide" in own:
        found.append("normalize")
    if "vote" in own:
        found.append("consensus_method")
    return tuple(found)


def resolved(method: Method, given: Switches) -> dict[str, bool | str]:
    """Return the method's own flags and words as far as they are given, in its own or mergekit's names."""
    found = {p.name: given[p.name] for p in method.parameters if p.name in given}
    own = {p.name for p in method.parameters}
    renamed = {name: value for name, value in (_divide(given) | _vote(given)).items() if name in own}
    for name, value in renamed.items():
        if found.get(name, value) != value:
            raise Malformed(
                f"parameters.{name} is {found[name]!r}, but mergekit's name for it says {value!r}; write one"
            )
    found |= renamed
    for parameter in method.parameters:
        if parameter.name in found:
            parameter.check(f"parameters.{parameter.name}", found[parameter.name])
    return found


def rescaled(method: Method, given: Switches, *, dense: bool, plain: bool) -> Iterator[str]:
    """Yield what `rescale` means for a method; refuse it where arithmetic 1 computes something else.

    `dense` says that every density is 1, so that nothing is dropped and every way to rescale is none; `plain` that
    nothing is divided by weights or elected without them, so that a factor in the weights is a factor of the sum.
    """
    wanted = given.get("rescale", method.keeps == "random")
    if dense or method.keeps is None:
        if "rescale" in given:
            why = "nothing is dropped" if method.keeps is None else "every density is 1"
            yield f"parameters.rescale is {str(wanted).lower()} and changes nothing, since {why}"
    elif method.keeps == "random":
        if not wanted:
            undo = " and multiply each weight by its density" if plain else ""
            raise Malformed(
                f"parameters.rescale is false, but {method.id} always divides what it keeps by the density; leave rescale out{undo}"
            )
        yield "kept elements are divided by the share that the mask keeps (rescale: density); mergekit since 0.1 stretches each task vector to its l1 norm instead"
    elif wanted:
        raise Malformed(
            f"parameters.rescale is true, but {method.id} does not stretch trimmed task vectors to their l1 norm in arithmetic 1; leave rescale out"
        )


def _divide(given: Switches) -> dict[str, bool | str]:
    if "normalize" not in given:
        return {}
    return {"divide": "weights" if given["normalize"] else "none"}


def _vote(given: Switches) -> dict[str, bool | str]:
    match given.get("consensus_method"):
        case None:
            return {}
        case "sum":
            return {"vote": "weighted"}
        case other:
            raise Malformed(
                f"parameters.consensus_method is {other!r}, but signs are elected by sums: write sum (vote: weighted) or vote: unweighted"
            )
