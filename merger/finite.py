"""What is not finite: counted on the way in and on the way out, and refused by name unless the recipe allows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from merger.kernels import Kernels
from merger.passes import Raw
from merger.shares import Shares
from merger.sources import Source
from merger.steps import Compute, Convert, Step
from signing.errors import Malformed

X = TypeVar("X")


@dataclass(slots=True)
class Output:
    """A finished chunk: its bytes, their block digests, its shares by span, and how much in it was not finite."""

    data: bytes | memoryview
    digests: bytes = b""
    shares: list[Shares] = field(default_factory=list)
    odd_inputs: int = 0
    odd_outputs: int = 0


@dataclass(frozen=True, slots=True)
class Finite:
    """Whether a recipe allows NaN and infinity; docs/arithmetic.md, "Tensors", rule 6."""

    odd_allowed: bool

    def widened(self, k: Kernels[X], raw: Raw, source: Source, start: int, output: Output) -> X:
        """Return the elements of an input from `start` on, in T."""
        x = k.widen(raw.data, raw.stored, raw.through)
        output.odd_inputs += self._odd(k, x, str(source), start)
        return x

    def narrowed(
        self, k: Kernels[X], merged: X, step: Compute | Convert, start: int, output: Output
    ) -> bytes:
        """Return merged elements from `start` on, in the output's type."""
        data = k.narrow(merged, step.dtype)
        self.written(k, memoryview(data), step, start, output)
        return data

    def written(self, k: Kernels[X], data: memoryview, step: Step, start: int, output: Output) -> None:
        """Count what is not finite among the stored elements of a result from `start` on."""
        # The narrowed value decides: a finite fp32 may overflow fp16, and an fp64 anything.
        written = k.widen(data, step.dtype, None)
        output.odd_outputs += self._odd(k, written, f"{step.name} as merged", start)

    def _odd(self, k: Kernels[X], x: X, what: str, start: int) -> int:
        odd = k.not_finite(x)
        if odd and not self.odd_allowed:
            raise Malformed(
                f"{what}: element {start + odd[0]} is NaN or infinite; set allow_nonfinite: true to merge it all the same"
            )
        return len(odd)
