"""Parameters of merge methods: numbers with a range, flags and words, and those that several methods share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

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
SHARE = replace(WEIGHT, low="0")
DENSITY = Parameter(
    "density", default="1", above="0", high="1", per_parent=True, help="share of elements kept"
)
LAMBDA = Parameter("lambda", default="1", help="factor of the merged deltas")
VOTE = Parameter(
    "vote", default="weighted", choices=("weighted", "unweighted", "count"), help="how signs are elected"
)
DIVIDE = Parameter(
    "divide",
    default="weights",
    choices=("weights", "count", "none", "max"),
    help="what the agreeing sum is divided by; max takes the largest agreeing term instead",
)
SCOPE = Parameter(
    "scope", default="tensor", choices=("tensor", "model"), help="among what the largest are kept"
)
RESCALE = Parameter(
    "rescale",
    default="none",
    choices=("none", "l1"),
    help="whether what is kept is stretched to the task vector's l1 norm",
)
RESCALE_DRAWN = Parameter(
    "rescale",
    default="density",
    choices=("density", "l1", "none"),
    help="what is kept is divided by the share kept, stretched to the task vector's l1 norm, or left as it is",
)
NORMALIZE = Parameter("normalize", default=False, help="divide the weights by their sum")
# No method's own: a recipe says it of whatever its method makes.
CLIP = Parameter("clip", low="1", help="how many times the parents' furthest an element may be moved")
