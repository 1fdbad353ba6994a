"""Loops over elements in LLVM's language: one pass from stored bytes to merged bytes, ranks or partial sums.

A `Loop` is the text of one function and the scalars beside it. Where any input or output is NaN or infinite the function
says so, and its caller asks the reference instead: what is not finite is counted and refused there alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from merger.kernels import Wide
from merger.kernels.trace import BITS, FLOAT, Trace, Value

# A sum's block of 2^16 is added as in docs/arithmetic.md: the first three halvings in one pass over so many strides.
STRIDES = 8
# Sums beside a merge: so many at a time stay in the processor's first cache, whatever is merged.
LANES = 1 << 9
BLOCK_ROWS = (1 << 16) // LANES

_STORED = {"BF16": "i16", "F16": "half", "F32": "float", "F64": "double"}


@dataclass(frozen=True, slots=True)
class Input:
    """One input: the type its bytes are read as, and the type each element is rounded to first, if any."""

    stored: str
    through: str | None = None


@dataclass(frozen=True, slots=True)
class Loop:
    """A function of (count, inputs …, lanes …, bounds, numbers, outputs …): its text, and its scalars in order."""

    text: str
    numbers: tuple[float, ...]
    pointers: int


class Body:
    """One element's instructions: its inputs read and widened, its masks, and whether any input is not finite."""

    def __init__(self, wide: Wide, offset: int = 0, trace: Trace | None = None) -> None:
        self.trace = trace or Trace(wide)
        self._wide: Wide = wide
        self._at = self.trace.put("i64", f"add nuw i64 %i, {offset}") if offset else Value("i64", "%i")
        self.odd: list[Value] = []

    def input(self, place: int, given: Input) -> Value:
        """Return element %i of input number `place`, rounded and widened."""
        found = self._load(f"%in{place}", _STORED[given.stored])
        if given.stored == "BF16":
            found = _from_bf16(self.trace, found)
        elif given.stored == "F16":
            found = self.trace.put("float", f"fpext half {found.text} to float")
        if given.through and found.type == "float":
            # Asked before rounding too: a NaN with all its bits set would round to a zero.
            self.odd.append(_infinite(self.trace, found))
        if given.through == "BF16" and given.stored != "BF16":
            found = _from_bf16(self.trace, _to_bf16(self.trace, found)[0])
        elif given.through == "F16" and given.stored != "F16":
            rounded = self.trace.put("half", f"fptrunc float {found.text} to half")
            found = self.trace.put("float", f"fpext half {rounded.text} to float")
        if found.type != FLOAT[self._wide]:
            found = self.trace.put("double", f"fpext float {found.text} to double")
        self.odd.append(self.trace.infinite(found))
        return found

    def drawn(self, place: int, bound: Value | None) -> Value:
        """Return whether lane %i of mask number `place` is below the element's bound, or else below the mask's."""
        lane = self._load(f"%lane{place}", "i16")
        if bound is not None:
            number = self.trace.put(bound.type, f"uitofp i16 {lane.text} to {bound.type}")
            return self.trace.put("i1", f"fcmp olt {bound.type} {number.text}, {bound.text}")
        wide = self.trace.put("i32", f"zext i16 {lane.text} to i32")
        return self.trace.put("i1", f"icmp ult i32 {wide.text}, %bound{place}")

    def reached(self, place: int, rank: Value, *, skips: bool) -> Value:
        """Return whether a rank is at or above bound `place`, and below the next where it `skips`."""
        bits = self.trace.magnitude(rank)
        low = self.trace.put("i1", f"icmp uge {bits.type} {bits.text}, %bound{place}")
        if not skips:
            return low
        high = self.trace.put("i1", f"icmp ult {bits.type} {bits.text}, %bound{place + 1}")
        return self.trace.both(low, high)

    def store(self, place: int, x: Value, stored: str) -> None:
        """Write x, narrowed to `stored`, as element %i of output number `place`."""
        trace = self.trace
        if stored == "BF16":
            x, bits = _to_bf16(trace, x)
            field = trace.put("i32", f"and i32 {bits.text}, {0x7F800000}")
            self.odd.append(trace.put("i1", f"icmp eq i32 {field.text}, {0x7F800000}"))
        elif stored == "F16":
            x = trace.put("half", f"fptrunc float {x.text} to half")
            pattern = trace.put("i16", f"bitcast half {x.text} to i16")
            field = trace.put("i16", f"and i16 {pattern.text}, {0x7C00}")
            self.odd.append(trace.put("i1", f"icmp eq i16 {field.text}, {0x7C00}"))
        elif stored in FLOAT:
            self.odd.append(trace.infinite(x))
        self.write(place, x)

    def write(self, place: int, x: Value) -> None:
        """Write x as it is as element %i of output number `place`."""
        pointer = self.trace.put("ptr", f"getelementptr {x.type}, ptr %out{place}, i64 {self._at.text}")
        self.trace.lines.append(f"  store {x.type} {x.text}, ptr {pointer.text}")

    def _load(self, array: str, type_: str) -> Value:
        pointer = self.trace.put("ptr", f"getelementptr {type_}, ptr {array}, i64 {self._at.text}")
        return self.trace.put(type_, f"load {type_}, ptr {pointer.text}")


def loop(
    body: Body,
    wide: Wide,
    inputs: int,
    lanes: int,
    bounds: int,
    outputs: int,
    added: Sequence[Value] = (),
    counted: Sequence[Value] = (),
) -> Loop:
    """Return the function that runs a body for every element, its scalars loaded once.

    With `added` or `counted` it is called with the number of rows of `LANES` elements. Each of `added`, in fp64, has an output of
    `LANES` sums for every block of `BLOCK_ROWS` rows, number l of which takes the elements l, l + LANES, … of the block in
    order; of the masks in `counted` one output, of 32-bit integers, gets how often each is set.
    """
    trace = body.trace
    names = [f"%in{i}" for i in range(inputs)] + [f"%lane{i}" for i in range(lanes)]
    names += ["%bounds", "%numbers", *(f"%out{i}" for i in range(outputs))]
    names += [*(f"%sum{i}" for i in range(len(added))), *(["%counts"] if counted else [])]
    entry: list[str] = []
    width = BITS[wide] if not lanes else "i32"
    for i in range(bounds):
        entry += [
            f"  %bp{i} = getelementptr i64, ptr %bounds, i64 {i}",
            f"  %bl{i} = load i64, ptr %bp{i}",
            f"  %bound{i} = {'add i64' if width == 'i64' else 'trunc i64'} %bl{i}{', 0' if width == 'i64' else ' to i32'}",
        ]
    for i in range(len(trace.constants)):
        entry += [
            f"  %np{i} = getelementptr {FLOAT[wide]}, ptr %numbers, i64 {i}",
            f"  %k{i} = load {FLOAT[wide]}, ptr %np{i}",
        ]
    lines, odd = list(trace.lines), "%odd"
    for i, one in enumerate(dict.fromkeys(body.odd)):
        lines += [f"  %o{i} = zext i1 {one.text} to i32", f"  %p{i} = or i32 {odd}, %o{i}"]
        odd = f"%p{i}"
    lines.append(f"  %odder = or i32 {odd}, 0")
    for i, one in enumerate(added):
        lines += [
            f"  %e{i} = getelementptr double, ptr %sum{i}, i64 %at",
            f"  %f{i} = load double, ptr %e{i}",
            f"  %g{i} = fadd double %f{i}, {one.text}",
            f"  store double %g{i}, ptr %e{i}",
        ]
    for i, one in enumerate(counted):
        lines += [f"  %z{i} = zext i1 {one.text} to i32", f"  %m{i} = add i32 %n{i}, %z{i}"]
    turns = _rows(lines, len(counted)) if added or counted else _elements(lines)
    text = [
        f"define i32 @loop(i64 %n, {', '.join(f'ptr noalias {name}' for name in names)}) {{",
        "entry:",
        *entry,
        "  %empty = icmp eq i64 %n, 0",
        "  br i1 %empty, label %done, label %turns",
        *turns,
        "  ret i32 %found",
        "}",
    ]
    return Loop("\n".join(text), tuple(trace.constants), len(names))


def _elements(lines: Sequence[str]) -> list[str]:
    return [
        "turns:",
        "  %i = phi i64 [0, %entry], [%next, %turns]",
        "  %odd = phi i32 [0, %entry], [%odder, %turns]",
        *lines,
        "  %next = add nuw i64 %i, 1",
        "  %last = icmp eq i64 %next, %n",
        "  br i1 %last, label %done, label %turns",
        "done:",
        "  %found = phi i32 [0, %entry], [%odder, %turns]",
    ]


def _rows(lines: Sequence[str], counted: int) -> list[str]:
    every = range(counted)
    return [
        "turns:",
        "  %r = phi i64 [0, %entry], [%r1, %after]",
        "  %oddr = phi i32 [0, %entry], [%odder, %after]",
        *(f"  %nr{i} = phi i32 [0, %entry], [%m{i}, %after]" for i in every),
        f"  %first = mul nuw i64 %r, {LANES}",
        f"  %block = udiv i64 %r, {BLOCK_ROWS}",
        f"  %sums = mul nuw i64 %block, {LANES}",
        "  br label %turn",
        "turn:",
        "  %l = phi i64 [0, %turns], [%l1, %turn]",
        "  %odd = phi i32 [%oddr, %turns], [%odder, %turn]",
        *(f"  %n{i} = phi i32 [%nr{i}, %turns], [%m{i}, %turn]" for i in every),
        "  %i = add nuw i64 %first, %l",
        "  %at = add nuw i64 %sums, %l",
        *lines,
        "  %l1 = add nuw i64 %l, 1",
        f"  %end = icmp eq i64 %l1, {LANES}",
        "  br i1 %end, label %after, label %turn",
        "after:",
        "  %r1 = add nuw i64 %r, 1",
        "  %last = icmp eq i64 %r1, %n",
        "  br i1 %last, label %done, label %turns",
        "done:",
        "  %found = phi i32 [0, %entry], [%odder, %after]",
        *(f"  %c{i} = phi i32 [0, %entry], [%m{i}, %after]" for i in every),
        *(f"  %cp{i} = getelementptr i32, ptr %counts, i64 {i}" for i in every),
        *(f"  store i32 %c{i}, ptr %cp{i}" for i in every),
    ]


def halved(trace: Trace, terms: Sequence[Value]) -> Value:
    """Return the halving-tree sum of terms that stand a stride apart, upper half onto lower half."""
    level = list(terms)
    while len(level) > 1:
        half = len(level) // 2
        level = [
            trace.put("double", f"fadd double {low.text}, {high.text}")
            for low, high in zip(level[:half], level[half:], strict=True)
        ]
    return level[0]


def _infinite(trace: Trace, x: Value) -> Value:
    bits = trace.put("i32", f"bitcast float {x.text} to i32")
    field = trace.put("i32", f"and i32 {bits.text}, {0x7F800000}")
    return trace.put("i1", f"icmp eq i32 {field.text}, {0x7F800000}")


def _from_bf16(trace: Trace, pattern: Value) -> Value:
    wide = trace.put("i32", f"zext i16 {pattern.text} to i32")
    bits = trace.put("i32", f"shl i32 {wide.text}, 16")
    return trace.put("float", f"bitcast i32 {bits.text} to float")


def _to_bf16(trace: Trace, x: Value) -> tuple[Value, Value]:
    """Round a finite fp32 to nearest even; return the pattern, and the sum whose upper half it is."""
    bits = trace.put("i32", f"bitcast float {x.text} to i32")
    upper = trace.put("i32", f"lshr i32 {bits.text}, 16")
    even = trace.put("i32", f"and i32 {upper.text}, 1")
    bias = trace.put("i32", f"add i32 {even.text}, {0x7FFF}")
    biased = trace.put("i32", f"add i32 {bits.text}, {bias.text}")
    top = trace.put("i32", f"lshr i32 {biased.text}, 16")
    return trace.put("i16", f"trunc i32 {top.text} to i16"), biased
