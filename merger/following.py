"""Which parent put what into one element: the factor each of them has in the result, followed through the arithmetic.

Every method is a composition of kernels (`merger.kernels`). Followed on single elements, with masks, signs and choices as
they fell, most are linear in the base and the parents, and their coefficients are the factors: y = b + sum of f_i d_i
with d_i = x_i - b, or y = sum of f_i x_i without a base. Where a method multiplies parents with each other, or cuts one
off at a constant, there are no such factors, and none are reported. Nothing is left out and merged again: a parent that loses an election has the factor
0, though without it the others may have lost theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from merger.kernels import Wide
from merger.kernels.blocks import NumpyKernels

Form = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Followed:
    """One element on its way: its value in T, and its coefficients on base, parents and 1, if it is linear in them."""

    value: NDArray[Any]
    form: Form | None


@dataclass(slots=True)
class Following:
    """The kernels on `Followed` elements: values as the reference computes them, coefficients beside them.

    An operation that is not known here to be linear loses the coefficients, unless what it is given has none.
    """

    kernels: NumpyKernels
    size: int
    """How many coefficients there are: those of the base, of every parent, and of the number 1."""
    agreed: list[bool] = field(default_factory=list)
    """What the election of signs said of each task vector that was asked about, in order."""

    wide: Wide = field(init=False)

    def __post_init__(self) -> None:
        """Compute in the kernels' type T."""
        self.wide = self.kernels.wide

    def add(self, x: Followed, y: Followed) -> Followed:
        """Return x + y."""
        return Followed(self.kernels.add(x.value, y.value), _both(x.form, y.form, np.add))

    def sub(self, x: Followed, y: Followed) -> Followed:
        """Return x - y."""
        return Followed(self.kernels.sub(x.value, y.value), _both(x.form, y.form, np.subtract))

    def scale(self, x: Followed, s: float) -> Followed:
        """Return x · round_T(s)."""
        return Followed(self.kernels.scale(x.value, s), _times(x.form, s))

    def total(self, terms: Sequence[Followed]) -> Followed:
        """Return the terms' sum, left to right from the first."""
        result = terms[0]
        for term in terms[1:]:
            result = self.add(result, term)
        return result

    def mul(self, x: Followed, y: Followed) -> Followed:
        """Return x · y, linear where one of them holds nothing of base and parents."""
        value = self.kernels.mul(x.value, y.value)
        if _constant(y):
            return Followed(value, _times(x.form, float(y.value[0])))
        return Followed(value, _times(y.form, float(x.value[0])) if _constant(x) else None)

    def ratio(self, n: Followed, m: Followed) -> Followed:
        """Return n / m, and +0 where m is 0."""
        value, by = self.kernels.ratio(n.value, m.value), float(m.value[0])
        if not _constant(m):
            return Followed(value, None)
        return Followed(value, _times(n.form, 1 / by if by else 0.0))

    def absolute(self, x: Followed) -> Followed:
        """Return |x|."""
        return Followed(self.kernels.absolute(x.value), _times(x.form, -1.0 if x.value[0] < 0 else 1.0))

    def keep(self, x: Followed, mask: Followed) -> Followed:
        """Return x where `mask` is set, else +0."""
        kept = self.kernels.keep(x.value, mask.value)
        return Followed(kept, x.form if mask.value[0] else np.zeros(self.size))

    def choose(self, mask: Followed, x: Followed, y: Followed) -> Followed:
        """Return x where `mask` is set, else y."""
        chosen = self.kernels.choose(mask.value, x.value, y.value)
        return Followed(chosen, x.form if mask.value[0] else y.form)

    def agree(self, v: Followed, vote: Followed) -> Followed:
        """Return the mask of elements v > 0 where vote >= 0, and v < 0 elsewhere."""
        mask = self.kernels.agree(v.value, vote.value)
        self.agreed.append(bool(mask[0]))
        return self.mask(mask)

    def exceeds(self, x: Followed, y: Followed) -> Followed:
        """Return the mask of elements x > y."""
        return self.mask(self.kernels.exceeds(x.value, y.value))

    def fill(self, x: Followed, s: float) -> Followed:
        """Return round_T(s) for every element of x."""
        return self.constant(self.kernels.fill(x.value, s))

    def mass(self, masks: Sequence[Followed], weights: Sequence[float]) -> Followed:
        """Return the sum over i of round_T(weights[i]) where masks[i] is set, else +0."""
        return self.constant(self.kernels.mass([mask.value for mask in masks], weights))

    def __getattr__(self, name: str) -> Callable[..., Followed]:
        """Return any other operation, whose result has no coefficients unless all it is given are constants."""
        operation = getattr(self.kernels, name)

        def followed(*given: Any) -> Followed:
            value = operation(*(one.value if isinstance(one, Followed) else one for one in given))
            plain = all(_constant(one) for one in given if isinstance(one, Followed))
            return self.constant(value) if plain else Followed(value, None)

        return followed

    def input(self, value: NDArray[Any], place: int) -> Followed:
        """Return an element of the base, at place 0, or of a parent, from 1 on."""
        form = np.zeros(self.size)
        form[place] = 1.0
        return Followed(value, form)

    def factors(self, x: Followed) -> Form | None:
        """Return an element's coefficients on base and parents, if they are all that it consists of."""
        return None if x.form is None or x.form[-1] else x.form[:-1]

    def constant(self, value: NDArray[Any]) -> Followed:
        """Return an element that belongs to neither the base nor a parent."""
        form = np.zeros(self.size)
        form[-1] = float(value[0])
        return Followed(value, form)

    def mask(self, value: NDArray[Any]) -> Followed:
        """Return a mask at one element."""
        return Followed(value, np.zeros(self.size))


def _constant(x: Followed) -> bool:
    return x.form is not None and not x.form[:-1].any()


def _both(one: Form | None, other: Form | None, how: Callable[[Form, Form], Form]) -> Form | None:
    return None if one is None or other is None else how(one, other)


def _times(form: Form | None, by: float) -> Form | None:
    return None if form is None else form * by
