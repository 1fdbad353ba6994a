"""Flags and words: what mergekit's `normalize`, `rescale`, `consensus_method` and `int8_mask` come to here.

mergekit 0.1.5 divides by the agreeing weights where `normalize` is true (its default for ties, not for dare_ties), and
rescales what a mask keeps to the task vector's l1 norm where `rescale` is true (its default for dare_*, not for ties).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from merger.method import Method
from signing.errors import Malformed

Switches = Mapping[str, bool | str]

# Flags of mergekit's for which arithmetic 1 has one answer: what it computes, and what that is.
_FIXED: Mapping[tuple[str, str], tuple[bool, str]] = {
    ("nuslerp", "nuslerp_row_wise"): (False, "takes angles of whole tensors or of rows and never of columns"),
}
# Flags of mergekit's that say of what angles are taken, and for which value that is rows.
_BY: Mapping[tuple[str, str], bool] = {
    ("nuslerp", "nuslerp_flatten"): False,
    ("model_stock", "filter_wise"): True,
}


def names(method: Method) -> tuple[str, ...]:
    """Return what mergekit calls a method's flags, beyond our own names for them."""
    own = {p.name for p in method.parameters}
    found = ["int8_mask"]
    if method.base == "needed" and {"weight", "lambda"} <= own:
        found.append("rescale")
    found += [name for of, name in (*_FIXED, *_BY) if of == method.id and name not in own]
    if "divide" in own:
        found.append("normalize")
    if "vote" in own:
        found.append("consensus_method")
    return tuple(found)


def resolved(method: Method, given: Switches) -> dict[str, bool | str]:
    """Return the method's own flags and words as far as they are given, in its own or mergekit's names."""
    given = {**given, **_rescale(method, given)}
    found = {p.name: given[p.name] for p in method.parameters if p.name in given}
    own = {p.name for p in method.parameters}
    words = _divide(given) | _vote(given) | _by(method, given)
    renamed = {name: value for name, value in words.items() if name in own}
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


def fixed(method: Method, given: Switches) -> Iterator[str]:
    """Yield which flags of mergekit's change nothing; refuse those that ask for something else than is computed."""
    for (of, name), (computed, what) in _FIXED.items():
        if of == method.id and name in given and all(p.name != name for p in method.parameters):
            if given[name] != computed:
                raise Malformed(
                    f"parameters.{name} is {str(given[name]).lower()}, but {method.id} {what} in arithmetic 1; leave it out"
                )
            yield f"parameters.{name} changes nothing: {method.id} {what}"


def rescaled(method: Method, given: Switches, *, dense: bool) -> Iterator[str]:
    """Yield what `rescale` means for a method, where that is not what a reader of mergekit's flag expects.

    `dense` says that every density is 1, so that nothing is dropped and every way to rescale is none.
    """
    wanted = given.get("rescale", method.draws)
    if isinstance(wanted, str):
        return
    if dense or (not method.draws and method.cuts is None):
        if "rescale" in given:
            why = "nothing is dropped" if not method.draws and method.cuts is None else "every density is 1"
            yield f"parameters.rescale is {str(wanted).lower()} and changes nothing, since {why}"
    elif method.draws and wanted:
        share = "their rank is kept with" if method.rows else "the mask keeps"
        yield f"kept elements are divided by the share that {share} (rescale: density); mergekit since 0.1 stretches each task vector to its l1 norm instead, which rescale: l1 does here"


def _rescale(method: Method, given: Switches) -> dict[str, bool | str]:
    """Return the word that mergekit's flag comes to; what true means for random masks is for `rescaled` to say."""
    flag = given.get("rescale")
    if not isinstance(flag, bool):
        return {}
    return {"rescale": "none" if not flag else "density" if method.draws else "l1"}


def _by(method: Method, given: Switches) -> dict[str, bool | str]:
    for (of, name), row in _BY.items():
        if of == method.id and name in given:
            return {"by": "row" if given[name] == row else "tensor"}
    return {}


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
        case "count":
            return {"vote": "count"}
        case other:
            raise Malformed(
                f"parameters.consensus_method is {other!r}; write sum (vote: weighted) or count (vote: count)"
            )
