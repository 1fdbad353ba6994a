"""Which parent put what into an element: the factor each of them has in the result, followed through the arithmetic.

Every method is a composition of kernels (`merger.kernels`). With masks, signs and choices as they fell, most are linear in
the base and the parents, and what becomes of each parent's 1 on its way are the factors: y = b + sum of f_i d_i with
d_i = x_i - b, or y = sum of f_i x_i without a base. Where a method multiplies parents with each other, or cuts one off at a
constant, there are no such factors, and none are reported. Nothing is left out and merged again: a parent that loses an
election has the factor 0, though without it the others may have lost theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from merger.kernels import B, Operations, Wide

# The place of what no parent carries: a number that a method adds, such as the t of nearswap.
NUMBER = -1


@dataclass(frozen=True, slots=True)
class Followed(Generic[B]):
    """A block on its way, and by the places of parents its factors on them: one number for all elements, or a block.

    `factors` is None where the block is not linear in the parents. The base has none, and counts as a constant.
    """

    value: B
    factors: Mapping[int, float | B] | None


class Following(Generic[B]):
    """The kernels on `Followed` blocks: values as the kernels below compute them, factors beside them.

    An operation that is not known here to be linear loses the factors, unless what it is given has none.
    """

    def __init__(self, kernels: Operations[B]) -> None:
        self.wide: Wide = kernels.wide
        self.agreed: list[B] = []
        """The masks of where each task vector that was asked about has the elected sign, in order."""
        self._k = kernels

    def parent(self, place: int, value: B) -> Followed[B]:
        """Return a parent's block."""
        return Followed(value, {place: 1.0})

    def constant(self, value: B) -> Followed[B]:
        """Return a block that no parent's elements are in: the base, a mask, or what was made for a method to multiply by."""
        return Followed(value, {})

    def add(self, x: Followed[B], y: Followed[B]) -> Followed[B]:
        """Return x + y."""
        return self._joined(self._k.add(x.value, y.value), x.factors, y.factors)

    def sub(self, x: Followed[B], y: Followed[B]) -> Followed[B]:
        """Return x - y."""
        return self._joined(self._k.sub(x.value, y.value), x.factors, self._scaled(y, -1.0))

    def scale(self, x: Followed[B], s: float) -> Followed[B]:
        """Return x · round_T(s)."""
        return Followed(self._k.scale(x.value, s), self._scaled(x, s))

    def total(self, terms: Sequence[Followed[B]]) -> Followed[B]:
        """Return the terms' sum, left to right from the first."""
        result = terms[0]
        for term in terms[1:]:
            result = self.add(result, term)
        return result

    def mul(self, x: Followed[B], y: Followed[B]) -> Followed[B]:
        """Return x · y, linear where one of them holds nothing of the parents."""
        value = self._k.mul(x.value, y.value)
        if _constant(y):
            return Followed(value, self._times(x, y.value))
        return Followed(value, self._times(y, x.value) if _constant(x) else None)

    def ratio(self, n: Followed[B], m: Followed[B]) -> Followed[B]:
        """Return n / m, and +0 where m is 0."""
        value = self._k.ratio(n.value, m.value)
        if not _constant(m):
            return Followed(value, None)
        return Followed(value, self._each(n, lambda f: self._k.ratio(self._block(f, m.value), m.value)))

    def absolute(self, x: Followed[B]) -> Followed[B]:
        """Return |x|."""
        negative = self._k.exceeds(self._k.fill(x.value, 0.0), x.value)

        def turned(factor: float | B) -> B:
            block = self._block(factor, x.value)
            return self._k.choose(negative, self._k.scale(block, -1.0), block)

        return Followed(self._k.absolute(x.value), self._each(x, turned))

    def fill(self, x: Followed[B], s: float) -> Followed[B]:
        """Return round_T(s) for every element of x."""
        return Followed(self._k.fill(x.value, s), {NUMBER: float(s)} if s else {})

    def keep(self, x: Followed[B], mask: Followed[B]) -> Followed[B]:
        """Return x where `mask` is set, else +0."""
        kept = self._each(x, lambda f: self._k.keep(self._block(f, x.value), mask.value))
        return Followed(self._k.keep(x.value, mask.value), kept)

    def choose(self, mask: Followed[B], x: Followed[B], y: Followed[B]) -> Followed[B]:
        """Return x where `mask` is set, else y."""
        value = self._k.choose(mask.value, x.value, y.value)
        if x.factors is None or y.factors is None:
            return Followed(value, None)
        found = {}
        for place in dict.fromkeys((*x.factors, *y.factors)):
            one, other = (
                self._block(either.factors.get(place, 0.0), value) if either.factors is not None else value
                for either in (x, y)
            )
            found[place] = self._k.choose(mask.value, one, other)
        return Followed(value, found)

    def agree(self, v: Followed[B], vote: Followed[B]) -> Followed[B]:
        """Return the mask of elements v > 0 where vote >= 0, and v < 0 elsewhere."""
        mask = self._k.agree(v.value, vote.value)
        self.agreed.append(mask)
        return self.constant(mask)

    def exceeds(self, x: Followed[B], y: Followed[B]) -> Followed[B]:
        """Return the mask of elements x > y."""
        return self.constant(self._k.exceeds(x.value, y.value))

    def mass(self, masks: Sequence[Followed[B]], weights: Sequence[float]) -> Followed[B]:
        """Return the sum over i of round_T(weights[i]) where masks[i] is set, else +0."""
        value = self._k.mass([mask.value for mask in masks], weights)
        return Followed(value, {NUMBER: value})

    def __getattr__(self, name: str) -> Callable[..., Followed[B]]:
        """Return any other operation, whose result has no factors unless all it is given are constants."""
        operation = getattr(self._k, name)

        def followed(*given: Any) -> Followed[B]:
            value = operation(*(one.value if isinstance(one, Followed) else one for one in given))
            plain = all(_constant(one) for one in given if isinstance(one, Followed))
            return Followed(value, {} if plain else None)

        return followed

    def _joined(
        self, value: B, one: Mapping[int, float | B] | None, other: Mapping[int, float | B] | None
    ) -> Followed[B]:
        if one is None or other is None:
            return Followed(value, None)
        found = {**other, **one}
        for place in one.keys() & other.keys():
            x, y = one[place], other[place]
            if isinstance(x, float) and isinstance(y, float):
                found[place] = x + y
            else:
                found[place] = self._k.add(self._block(x, value), self._block(y, value))
        return Followed(
            value, {place: f for place, f in found.items() if not (isinstance(f, float) and f == 0)}
        )

    def _scaled(self, x: Followed[B], s: float) -> Mapping[int, float | B] | None:
        return self._each(x, lambda f: f * s if isinstance(f, float) else self._k.scale(f, s))

    def _times(self, x: Followed[B], by: B) -> Mapping[int, float | B] | None:
        return self._each(x, lambda f: self._k.scale(by, f) if isinstance(f, float) else self._k.mul(f, by))

    def _each(self, x: Followed[B], how: Callable[[float | B], float | B]) -> Mapping[int, float | B] | None:
        return None if x.factors is None else {place: how(factor) for place, factor in x.factors.items()}

    def _block(self, factor: float | B, like: B) -> B:
        return self._k.fill(like, factor) if isinstance(factor, float) else factor


def _constant(x: Followed[Any]) -> bool:
    return x.factors is not None and x.factors.keys() <= {NUMBER}
