"""Merge methods: one file each, found by being here.

A module defines `METHOD`, a `Method`: its parameters with their ranges and defaults, what it needs (a base, masks, sums
over the whole tensor), how it turns a tensor's parameters into scalars, and how it merges one block. Everything else
(recipe schema, dialect, laws, `studbook methods`) follows from that value.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from merger.kernels import Kernels
from merger.numbers import decimal
from signing.errors import Malformed


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a method: a number with a range, a flag, or a choice of words."""

    name: str
    default: str | bool | None = None
    low: str | None = None
    above: str | None = None
    high: str | None = None
    choices: tuple[str, ...] = ()
    per_parent: bool = False
    help: str = ""

    @property
    def is_number(self) -> bool:
        """Say whether values are decimals, which may differ from tensor to tensor."""
        return self.kind == "number"

    def check(self, where: str, value: object) -> None:
        """Refuse a value outside this parameter's type or range."""
        if isinstance(self.default, bool):
            if not isinstance(value, bool):
                raise Malformed(f"{where} is {value!r}; write true or false")
        elif self.choices:
            if value not in self.choices:
                raise Malformed(f"{where} is {value!r}; choose {' or '.join(self.choices)}")
        elif not isinstance(value, str):
            raise Malformed(f"{where} is {value!r}; write a number")
        else:
            try:
                number = Decimal(decimal(value))
            except Malformed as error:
                raise Malformed(f"{where}: {error}") from None
            if (
                (self.low is not None and number < Decimal(self.low))
                or (self.above is not None and number <= Decimal(self.above))
                or (self.high is not None and number > Decimal(self.high))
            ):
                raise Malformed(f"{where} is {value}; it must be {self.range}")

    @property
    def kind(self) -> str:
        """Say in a word what values are."""
        return "flag" if isinstance(self.default, bool) else "word" if self.choices else "number"

    @property
    def allowed(self) -> str:
        """Say in words which values are allowed."""
        if self.choices:
            return " or ".join(self.choices)
        return self.range if self.is_number else "true or false"

    @property
    def range(self) -> str:
        """Say in words which numbers are allowed."""
        bounds = [("at least", self.low), ("above", self.above), ("at most", self.high)]
        return " and ".join(f"{word} {bound}" for word, bound in bounds if bound is not None) or "any number"


WEIGHT = Parameter("weight", per_parent=True, help="the parent's factor; 0 leaves the parent out")
DENSITY = Parameter(
    "density", default="1", above="0", high="1", per_parent=True, help="share of elements kept"
)
LAMBDA = Parameter("lambda", default="1", help="factor of the merged deltas")
VOTE = Parameter("vote", default="weighted", choices=("weighted", "unweighted"), help="how signs are elected")
DIVIDE = Parameter(
    "divide",
    default="weights",
    choices=("weights", "count", "none"),
    help="what the agreeing sum is divided by",
)
NORMALIZE = Parameter("normalize", default=False, help="divide the weights by their sum")


@dataclass(frozen=True, slots=True)
class Values:
    """One tensor's parameters: decimals per remaining parent, and the decimals, flags and words for all."""

    parents: Sequence[Mapping[str, str]]
    shared: Mapping[str, str | bool]

    def each(self, name: str) -> list[float]:
        """Return a per-parent parameter as fp64, in recipe order."""
        return [float(parent[name]) for parent in self.parents]

    def one(self, name: str) -> float:
        """Return a parameter that all parents share as fp64."""
        return float(self.shared[name])

    def weights(self) -> list[float]:
        """Return the weights, divided by their sum where the recipe says `normalize`."""
        weights = self.each("weight")
        if not self.shared.get("normalize"):
            return weights
        total = weights[0]
        for weight in weights[1:]:
            total += weight
        if total == 0:
            raise Malformed(
                f"weights {', '.join(p['weight'] for p in self.parents)} sum to 0 and cannot be normalized"
            )
        return [weight / total for weight in weights]


@dataclass(frozen=True, slots=True)
class Method:
    """A merge method: what it takes and what it computes."""

    id: str
    summary: str
    parameters: tuple[Parameter, ...]
    resolve: Callable[[Values, Any], Any]
    """The tensor's parameters, and its measured sums where `measures`, to the scalars `merge` needs."""
    merge: Callable[[Kernels[Any], Any, Sequence[Any], Sequence[Any], Any], Any]
    """(kernels, base block or None, parent blocks, masks of kept elements, scalars) to the merged block."""
    needs_base: bool = False
    keeps: Literal["random", "largest"] | None = None
    measures: bool = False
    parents: int | None = None
    copies: Callable[[Values], int | None] | None = None
    """Which parent the result simply is for these values, if any."""


def _discover() -> dict[str, Method]:
    found: dict[str, Method] = {}
    for module in pkgutil.iter_modules(__path__):
        method: Method = importlib.import_module(f"{__name__}.{module.name}").METHOD
        found[method.id] = method
    return found


METHODS: Mapping[str, Method] = _discover()
