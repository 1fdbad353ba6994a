"""The account of an execution: what was computed for each tensor, so that a stranger can check it in parts.

Scalars are hex floats. The witnesses are the block values of every sum and the counts of every selection
(docs/arithmetic.md): each can be recomputed alone from the inputs, and the totals must re-add to what was used. The
account is a pure function of recipe and inputs, like the output.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from merger.measure import Measured
from merger.shares import Shares
from merger.stack import Stack
from merger.steps import Compute, Step
from signing.canonical import Json


def tensor_account(
    step: Step, measured: Measured | None, odd: tuple[int, int] = (0, 0), shares: Shares | None = None
) -> dict[str, Json]:
    """Return one tensor's entry: operation, scalars, witnesses, what was not finite, and the parents' shares."""
    entry: dict[str, Json] = {"operation": type(step).__name__.lower()}
    if isinstance(step, Compute) and measured is not None:
        entry["parents"] = list(step.positions)
        entry["scalars"] = _value(measured.scalars)
        if step.clip is not None:
            entry["clip"] = float(step.clip).hex()
        if any(measured.sums.values()):
            entry["sums"] = {
                name: [value.hex() for value in values] for name, values in measured.sums.items()
            }
        if measured.reaches:
            pairs = zip(measured.reaches, measured.tallies, strict=True)
            entry["selections"] = [
                {
                    "threshold": f"{reach.threshold:x}",
                    "equals": reach.equals,
                    "blocks": [list(pair) for pair in tally],
                }
                for reach, tally in pairs
            ]
    if shares is not None:
        energy = [value.hex() for value in shares.energy]
        said: dict[str, list[Json]] = {
            "kept": [*shares.kept],
            "agreed": [*shares.agreed],
            "energy": [*energy],
        }
        entry["shares"] = {name: values for name, values in said.items() if values}
    if isinstance(step, Stack):
        entry["parents"] = list(step.positions)
        entry["scalars"] = [part.factor.hex() for part in step.parts]
    if any(odd):
        entry["nonfinite"] = {"inputs": odd[0], "outputs": odd[1]}
    return entry


def _value(value: Any) -> Json:
    if dataclasses.is_dataclass(value):
        return {f.name: _value(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, list | tuple):
        return [_value(v) for v in value]
    if value is None or isinstance(value, str | bool):
        return value
    raise TypeError(f"a scalar of type {type(value).__name__} cannot be written into an account")
