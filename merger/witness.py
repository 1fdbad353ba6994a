"""An account read back: what it claims of each tensor, and whether its witnesses add up to what was used.

No input is read here: block values of sums must re-add to totals that resolve to the recorded scalars, and counts of
selections to what the recipe keeps (docs/arithmetic.md, "Sums over a tensor" and "The largest k"). Whether single
entries are true is for whoever recomputes them (`sample`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from math import isnan
from typing import Any

from merger.account import tensor_account
from merger.chunks import Chunks
from merger.finite import Output
from merger.manifest import FLOATS
from merger.measure import Measured, selected, targets
from merger.plan import Plan
from merger.reduce import SPAN, total
from merger.select import Reach, Tallies, Target
from merger.shares import joined
from merger.steps import Compute, Step, elements
from signing.canonical import Json, is_integer
from signing.errors import Untrusted

# What an account says of a tensor that follows from its witnesses, or from the recipe alone.
_FOLLOWS = ("operation", "parents", "scalars", "clip", "sums", "selections")
# What it counts while a tensor is made, and how that is where there is none of it; no witness has it by block.
_COUNTED: Mapping[str, Json] = {"shares": None, "nonfinite": {"inputs": 0, "outputs": 0}}


def entries(plan: Plan, account: Json) -> Mapping[str, Mapping[str, Json]]:
    """Return an account's entries by tensor, if it is one of this recipe's executions."""
    match account:
        case {"v": "1", "recipe": plan.recipe.digest, "tensors": dict(found)} if all(
            isinstance(entry, Mapping) for entry in found.values()
        ):
            odd = sorted(found.keys() - {step.name for step in plan.steps})
            if odd:
                raise Untrusted(
                    f"the account has an entry of {odd[0]!r:.80}, which is no tensor of this merge"
                )
            return found
    raise Untrusted(f"the account is none of an execution of recipe sha256:{plan.recipe.digest}")


def claimed(chunks: Chunks[Any], step: Compute, entry: Mapping[str, Json]) -> Measured:
    """Return what an entry says was measured of a tensor, once its scalars follow from its witnesses."""
    sums = _sums(step, entry.get("sums", {}))
    reaches, tallies = _reaches(step, entry.get("selections", []))
    measured = Measured(step.scalars, sums, selected(step, reaches), reaches, tallies)
    if step.sums:
        # JSON sorts the sums by name, `resolve` takes them in the method's order: of no elements it names them.
        names = chunks.sums(replace(step, shape=(0,)), 0, measured.selections)
        if elements(step) and set(sums) != set(names):
            raise Untrusted(f"{step.name}: the account has sums {sorted(sums)}, not {sorted(names)}")
        try:
            scalars = chunks.recipe.rules.resolve(step.values, [total(sums.get(name, ())) for name in names])
        except (ArithmeticError, ValueError) as error:
            raise Untrusted(f"{step.name}: the account's sums give no scalars: {error}") from None
        measured = replace(measured, scalars=scalars)
    check_follows(step, measured, entry)
    return measured


def check_follows(step: Step, measured: Measured | None, entry: Mapping[str, Json]) -> None:
    """Refuse an entry that says anything else of a tensor than follows from the recipe and from what was measured."""
    again = tensor_account(step, measured)
    for member in _FOLLOWS:
        if entry.get(member) != again.get(member):
            raise Untrusted(f"{step.name}: the account's {member} are not what recipe and witnesses come to")
    odd = sorted(entry.keys() - {*_FOLLOWS, *_COUNTED})
    if odd:
        raise Untrusted(f"{step.name}: the account says {odd[0]!r:.40} of it, which no account says")


def uncounted(step: Step, entry: Mapping[str, Json], output: Output, size: int) -> list[str]:
    """Return what an entry counts otherwise than one recomputed chunk of `size` elements allows, each in a sentence.

    Shares and what is not finite are totals over the tensor: where the chunk is all of it they are the same, else no less.
    """
    here = tensor_account(step, None, (output.odd_inputs, output.odd_outputs), joined(output.shares))
    rest = elements(step) - size
    return [
        f"its {member} are others than its elements come to"
        for member, none in _COUNTED.items()
        if entry.get(member) != here.get(member)
        and not (rest and _holds(entry.get(member), here.get(member, none), rest))
    ]


def _holds(said: Json, here: Json, rest: int, name: str = "") -> bool:
    """Say whether totals may be those of a tensor of which a part has `here`, and so many elements are not looked at."""
    match said, here:
        case dict(), dict():
            return said.keys() == here.keys() and all(_holds(said[k], here[k], rest, k) for k in here)
        case list(), list():
            pairs = zip(said, here, strict=False)
            return len(said) == len(here) and all(_holds(one, other, rest, name) for one, other in pairs)
        case str(), str():
            # Of squares, sums only grow; those of other elements may be NaN.
            try:
                return isnan(float.fromhex(said)) or float.fromhex(said) >= float.fromhex(here)
            except (ValueError, OverflowError):
                return False
        case int(), int() if is_integer(said):
            return here <= said and (name not in ("kept", "agreed") or said <= here + rest)
    return False


def miscounted(plan: Plan, found: Mapping[str, Measured]) -> list[tuple[str, str]]:
    """Return the tensors whose selections keep another number than the recipe says, each with a sentence.

    `found` holds what is claimed of the tensors; under `scope: model` one that is missing there leaves all unjudged.
    """
    steps = [s for s in plan.steps if isinstance(s, Compute) and s.name in found and s.cuts]
    if plan.recipe.parameters.get("scope") != "model":
        return [fault for step in steps for fault in _counted([step], targets(step.cuts), 0, found)]
    if not steps or len(steps) < sum(isinstance(step, Compute) for step in plan.steps):
        return []
    # Tensors that are copied have deltas of zero, which count although nobody reads them.
    zeros = sum(elements(s) for s in plan.steps if s.dtype in FLOATS and not isinstance(s, Compute))
    return _counted(steps, targets(plan.model_cuts(steps[0])), zeros, found)


def _counted(
    steps: Sequence[Compute], wanted: Sequence[Target], zeros: int, found: Mapping[str, Measured]
) -> list[tuple[str, str]]:
    """Hold one group of tensors, taken as one sequence, to the number of elements each threshold keeps of them."""
    faults = []
    for i, target in enumerate(wanted):
        above = sum(many for step in steps for many, _ in found[step.name].tallies[i])
        left, last = target.count - above, found[steps[0].name].reaches[i].threshold
        fits = left > 0 or left == target.count == 0
        for step in steps:
            reach = found[step.name].reaches[i]
            share = min(left, reach.before[-1])
            fits = fits and reach.threshold == last and reach.equals == share
            left -= share
        if not fits or left > (zeros if last == 0 else 0):
            said = f"its selection {i} does not keep the {target.count} largest"
            faults += [(step.name, f"the account's witnesses disagree: {said}") for step in steps]
    return faults


def spans(step: Compute) -> int:
    """Return how many blocks of 2^16 elements a tensor's witnesses count by."""
    return -(-elements(step) // SPAN)


def _sums(step: Compute, said: Json) -> dict[str, list[float]]:
    found = {}
    for name, column in said.items() if isinstance(said, Mapping) else ():
        if not isinstance(column, list) or len(column) != spans(step):
            raise Untrusted(f"{step.name}: the account's sum {name!r:.40} has no value for every block")
        found[name] = [_float(step, text) for text in column]
    return found


def _float(step: Compute, text: Json) -> float:
    try:
        return float.fromhex(text) if isinstance(text, str) else float("nan")
    except (ValueError, OverflowError):
        raise Untrusted(f"{step.name}: the account holds {text!r:.40} where a hex float stands") from None


def _reaches(step: Compute, said: Json) -> tuple[list[Reach], list[Tallies]]:
    wanted = targets(step.cuts)
    if not isinstance(said, list) or len(said) != len(wanted):
        raise Untrusted(
            f"{step.name}: the account has not the {len(wanted)} selections that the recipe makes"
        )
    reaches, tallies = [], []
    for one in said:
        match one:
            case {"threshold": str(threshold), "equals": equals, "blocks": list(blocks)} if is_integer(
                equals
            ) and len(blocks) == spans(step):
                tally = [_pair(step, number, pair) for number, pair in enumerate(blocks)]
                before = list(accumulate((equal for _, equal in tally), initial=0))
                if not 0 <= equals <= before[-1]:
                    raise Untrusted(
                        f"{step.name}: the account keeps {equals!r:.40} equals of {before[-1]} that it counts"
                    )
                reaches.append(Reach(_pattern(step, threshold), equals, before))
                tallies.append(tally)
            case _:
                raise Untrusted(
                    f"{step.name}: a selection in the account has not threshold, equals and blocks"
                )
    return reaches, tallies


def _pattern(step: Compute, threshold: str) -> int:
    try:
        bits = int(threshold, 16)
    except ValueError:
        bits = -1
    # No magnitude lies above the one NaN; of an empty tensor the search finds the highest pattern there is.
    most = (1 << (64 if step.wide == "F64" else 32)) - 1
    if elements(step):
        most = 0x7FF8 << 48 if step.wide == "F64" else 0x7FC0 << 16
    if not 0 <= bits <= most:
        raise Untrusted(f"{step.name}: {threshold!r:.40} in the account is no threshold in {step.wide}")
    return bits


def _pair(step: Compute, number: int, pair: Json) -> tuple[int, int]:
    size = min(SPAN, elements(step) - number * SPAN)
    match pair:
        case [above, equal] if is_integer(above) and is_integer(equal):
            if min(above, equal) >= 0 and above + equal <= size:
                return above, equal
    raise Untrusted(f"{step.name}: {pair!r:.40} in the account is no count of the {size} in block {number}")
