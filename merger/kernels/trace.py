"""Kernels that compute nothing: they write down, as LLVM instructions, what a method does to one element.

A method is a composition of kernels whose course depends on no element, so following it once says what happens to all
of them. Every instruction is one rounded operation without fast-math flags, which LLVM may neither fuse nor reorder:
the loop that `loops` makes of them gives the bits of the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from merger.kernels import Wide

FLOAT = {"F32": "float", "F64": "double"}
BITS = {"F32": "i32", "F64": "i64"}
MAGNITUDE = {"F32": 0x7FFFFFFF, "F64": 0x7FFFFFFFFFFFFFFF}
INFINITE = {"F32": 0x7F800000, "F64": 0x7FF0000000000000}


@dataclass(frozen=True, slots=True)
class Value:
    """One element's value: an LLVM operand with its type."""

    type: str
    text: str


class Trace:
    """The operations of `Kernels` on values of one element, as instructions; equal ones are written once."""

    def __init__(self, wide: Wide) -> None:
        self.wide: Wide = wide
        self.lines: list[str] = []
        self.constants: list[float] = []
        self._known: dict[str, Value] = {}
        self._places: dict[str, int] = {}
        self.zero = Value(FLOAT[wide], "0.0")

    def put(self, type_: str, instruction: str) -> Value:
        """Write an instruction, or return the value of the same one written before."""
        if instruction not in self._known:
            value = Value(type_, f"%v{len(self._known)}")
            self.lines.append(f"  {value.text} = {instruction}")
            self._known[instruction] = value
        return self._known[instruction]

    def number(self, s: float) -> Value:
        """Return a scalar, which stands in a table beside the code: code is the same for other numbers."""
        place = self._places.setdefault(float(s).hex(), len(self.constants))
        if place == len(self.constants):
            self.constants.append(s)
        return Value(FLOAT[self.wide], f"%k{place}")

    def add(self, x: Value, y: Value) -> Value:
        """Return x + y."""
        return self._pair("fadd", x, y)

    def sub(self, x: Value, y: Value) -> Value:
        """Return x - y."""
        return self._pair("fsub", x, y)

    def mul(self, x: Value, y: Value) -> Value:
        """Return x · y."""
        return self._pair("fmul", x, y)

    def scale(self, x: Value, s: float) -> Value:
        """Return x · round_T(s)."""
        return self.mul(x, self.number(s))

    def total(self, terms: Sequence[Value]) -> Value:
        """Return the terms' sum, left to right from the first."""
        result = terms[0]
        for term in terms[1:]:
            result = self.add(result, term)
        return result

    def absolute(self, x: Value) -> Value:
        """Return |x|."""
        bits = self.put(BITS[self.wide], f"bitcast {x.type} {x.text} to {BITS[self.wide]}")
        cleared = self.put(bits.type, f"and {bits.type} {bits.text}, {MAGNITUDE[self.wide]}")
        return self.put(x.type, f"bitcast {cleared.type} {cleared.text} to {x.type}")

    def keep(self, x: Value, mask: Value) -> Value:
        """Return x where `mask` is set, else +0."""
        return self.choose(mask, x, self.zero)

    def choose(self, mask: Value, x: Value, y: Value) -> Value:
        """Return x where `mask` is set, else y."""
        return self.put(x.type, f"select i1 {mask.text}, {x.type} {x.text}, {y.type} {y.text}")

    def exceeds(self, x: Value, y: Value) -> Value:
        """Return the mask of elements x > y."""
        return self.put("i1", f"fcmp ogt {x.type} {x.text}, {y.text}")

    def both(self, one: Value, other: Value) -> Value:
        """Return the mask of elements that both masks keep."""
        return self.put("i1", f"and i1 {one.text}, {other.text}")

    def without(self, mask: Value) -> Value:
        """Return the mask of the elements that `mask` does not keep."""
        return self.put("i1", f"xor i1 {mask.text}, true")

    def fill(self, x: Value, s: float) -> Value:
        """Return round_T(s) for every element of x."""
        return self.choose(Value("i1", "true"), self.number(s), x)

    def agree(self, v: Value, vote: Value) -> Value:
        """Return the mask of elements v > 0 where vote >= 0, and v < 0 elsewhere."""
        up = self.put("i1", f"fcmp oge {vote.type} {vote.text}, 0.0")
        over = self.put("i1", f"fcmp ogt {v.type} {v.text}, 0.0")
        under = self.put("i1", f"fcmp olt {v.type} {v.text}, 0.0")
        return self.put("i1", f"select i1 {up.text}, i1 {over.text}, i1 {under.text}")

    def mass(self, masks: Sequence[Value], weights: Sequence[float]) -> Value:
        """Return the sum over i of round_T(weights[i]) where masks[i] is set, else +0."""
        pairs = zip(masks, weights, strict=True)
        return self.total([self.keep(self.number(w), mask) for mask, w in pairs])

    def ratio(self, n: Value, m: Value) -> Value:
        """Return n / m, and +0 where m is 0."""
        full = self.put("i1", f"fcmp une {m.type} {m.text}, 0.0")
        return self.keep(self._pair("fdiv", n, m), full)

    def products(self, x: Value, y: Value) -> Value:
        """Return x · y, both widened to fp64 first."""
        return self._pair("fmul", self._double(x), self._double(y))

    def sizes(self, x: Value) -> Value:
        """Return |x|, widened to fp64."""
        return self._double(self.absolute(x))

    def ones(self, mask: Value) -> Value:
        """Return 1 where `mask` is set, else 0, as fp64."""
        return self.put("double", f"select i1 {mask.text}, double 1.0, double 0.0")

    def magnitude(self, x: Value) -> Value:
        """Return the bit pattern of |x|."""
        bits = self.put(BITS[self.wide], f"bitcast {x.type} {x.text} to {BITS[self.wide]}")
        return self.put(bits.type, f"and {bits.type} {bits.text}, {MAGNITUDE[self.wide]}")

    def infinite(self, x: Value) -> Value:
        """Return whether x is NaN or infinite."""
        bits = self.put(BITS[self.wide], f"bitcast {x.type} {x.text} to {BITS[self.wide]}")
        field = self.put(bits.type, f"and {bits.type} {bits.text}, {INFINITE[self.wide]}")
        return self.put("i1", f"icmp eq {bits.type} {field.text}, {INFINITE[self.wide]}")

    def _pair(self, operation: str, x: Value, y: Value) -> Value:
        return self.put(x.type, f"{operation} {x.type} {x.text}, {y.text}")

    def _double(self, x: Value) -> Value:
        return x if x.type == "double" else self.put("double", f"fpext {x.type} {x.text} to double")
