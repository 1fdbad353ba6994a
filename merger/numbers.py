"""Numbers as recipes write them: canonical decimals, exact counts, layer gradients.

A recipe holds no floats: a number is a decimal string that reads the same everywhere (docs/arithmetic.md, "The recipe"
and "Scalars").
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from signing.errors import Malformed

CANONICAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?", re.ASCII)
# No parameter of a merge needs more, and a number of a million digits would only cost memory.
LONGEST = 64
LANES = 1 << 16


def decimal(text: str) -> str:
    """Return `text` if it is a canonical decimal, else refuse it with the form it should have."""
    if len(text) <= LONGEST and CANONICAL.fullmatch(text) and text != "-0":
        return text
    raise Malformed(f"{text[:LONGEST]!r} is no canonical decimal: write digits such as '0.5', '-1' or '2'")


def canonical(value: float | Decimal | Fraction | str) -> str:
    """Write a number as the canonical decimal that reads back as the same number.

    A float or a fraction becomes the shortest decimal of the nearest fp64; a `Decimal` or a string keeps every digit.
    """
    if isinstance(value, Fraction):
        value = float(value)
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except ArithmeticError:
        raise Malformed(f"{value!r} is no number") from None
    if not number.is_finite():
        raise Malformed(f"{value!r} is not a finite number")
    if number and number.adjusted() not in range(-LONGEST, LONGEST):
        raise Malformed(f"{value!r} is out of the range of any merge parameter")
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return decimal("0" if text in {"-0", ""} else text)


def kept_count(density: str, elements: int) -> int:
    """Return how many of `elements` a density keeps: max(1, floor(density x elements)), exactly."""
    return max(1, int(Fraction(density) * elements)) if elements else 0


def kept_lanes(density: str) -> int:
    """Return t = floor(density x 65536), the lanes of 65536 that a random mask keeps; refuse a density that keeps none."""
    lanes = int(Fraction(density) * LANES)
    if lanes == 0:
        raise Malformed(
            f"density {density} keeps fewer than one element in {LANES}; use at least {canonical(1 / LANES)}"
        )
    return lanes


def gradient(anchors: Sequence[str], layers: int) -> list[str]:
    """Spread `anchors` evenly over `layers` and interpolate between them: one canonical decimal per layer.

    Layer i stands at i / (layers - 1); a single layer stands at the end. Interpolation is exact; each value is the
    shortest decimal of its nearest fp64.
    """
    exact = [Fraction(a) for a in anchors]
    values = []
    for layer in range(layers):
        at = (Fraction(layer, layers - 1) if layers > 1 else Fraction(1)) * (len(exact) - 1)
        low = min(int(at), len(exact) - 2) if len(exact) > 1 else 0
        high = min(low + 1, len(exact) - 1)
        values.append(canonical(exact[low] + (at - low) * (exact[high] - exact[low])))
    return values
