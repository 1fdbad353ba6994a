"""Random lanes, magnitude windows and sums in LLVM's language: what a merge does beside the method's own arithmetic.

Philox-4x64-10 is Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011), section 4.3, counted as
`numpy.random.Philox` counts: the words of element 16·n come from counter n + 1 (docs/arithmetic.md, "Random masks").
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from merger.kernels import Wide
from merger.kernels.trace import BITS

ROUNDS = 10
_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)


@cache
def philox() -> str:
    """Return the loop of (count, start and two key words, out): `count` counters from `start` + 1 on, four words each."""
    body = [
        "  %c0 = add i64 %first, %i",
        "  %x0 = add i64 %c0, 1",
    ]
    words = ["%x0", "0", "0", "0"]
    for turn in range(ROUNDS):
        body += list(_round(turn, words))
        words = [f"%a{turn}", f"%b{turn}", f"%c{turn}x", f"%d{turn}"]
    for j, word in enumerate(words):
        body += [
            f"  %at{j} = add nuw i64 %base, {j}",
            f"  %to{j} = getelementptr i64, ptr %out, i64 %at{j}",
            f"  store i64 {word}, ptr %to{j}",
        ]
    return _counted(
        "ptr noalias %given, ptr noalias %out",
        [
            "  %first = load i64, ptr %given",
            "  %g1 = getelementptr i64, ptr %given, i64 1",
            "  %key0 = load i64, ptr %g1",
            "  %g2 = getelementptr i64, ptr %given, i64 2",
            "  %key1 = load i64, ptr %g2",
        ],
        ["  %base = shl nuw i64 %i, 2", *body],
    )


@cache
def window(wide: Wide) -> str:
    """Return the loop of (count, magnitudes, low and high, out, found) that collects magnitudes from low to below high.

    `found` gets how many are at or above high, and how many were collected into `out`, in their order.
    """
    bits = BITS[wide]
    return "\n".join(
        [
            "define i32 @loop(i64 %n, ptr noalias %in, ptr noalias %given, ptr noalias %out, ptr noalias %found) {",
            "entry:",
            f"  %low = load {bits}, ptr %given",
            f"  %hp = getelementptr {bits}, ptr %given, i64 1",
            f"  %high = load {bits}, ptr %hp",
            f"  %width = sub {bits} %high, %low",
            "  %empty = icmp eq i64 %n, 0",
            "  br i1 %empty, label %done, label %turn",
            "turn:",
            "  %i = phi i64 [0, %entry], [%next, %turn]",
            "  %above = phi i64 [0, %entry], [%above1, %turn]",
            "  %kept = phi i64 [0, %entry], [%kept1, %turn]",
            f"  %p = getelementptr {bits}, ptr %in, i64 %i",
            f"  %m = load {bits}, ptr %p",
            # Written every time and counted only if it is inside: no branch, whatever the data.
            f"  %q = getelementptr {bits}, ptr %out, i64 %kept",
            f"  store {bits} %m, ptr %q",
            f"  %far = sub {bits} %m, %low",
            f"  %in1 = icmp ult {bits} %far, %width",
            "  %in64 = zext i1 %in1 to i64",
            "  %kept1 = add i64 %kept, %in64",
            f"  %up1 = icmp uge {bits} %m, %high",
            "  %up64 = zext i1 %up1 to i64",
            "  %above1 = add i64 %above, %up64",
            "  %next = add nuw i64 %i, 1",
            "  %last = icmp eq i64 %next, %n",
            "  br i1 %last, label %done, label %turn",
            "done:",
            "  %a = phi i64 [0, %entry], [%above1, %turn]",
            "  %k = phi i64 [0, %entry], [%kept1, %turn]",
            "  store i64 %a, ptr %found",
            "  %f1 = getelementptr i64, ptr %found, i64 1",
            "  store i64 %k, ptr %f1",
            "  ret i32 0",
            "}",
        ]
    )


@cache
def halving(width: int) -> str:
    """Return the loop of (count, rows) that adds each row's upper half onto its lower half, down to its first value.

    A row is `width` values in fp64, a power of two: docs/arithmetic.md, "Sums over a tensor".
    """
    return "\n".join(
        [
            "define i32 @loop(i64 %n, ptr noalias %rows) {",
            "entry:",
            "  %empty = icmp eq i64 %n, 0",
            "  br i1 %empty, label %done, label %row",
            "row:",
            "  %i = phi i64 [0, %entry], [%next, %after]",
            f"  %at = mul nuw i64 %i, {width}",
            "  %low = getelementptr double, ptr %rows, i64 %at",
            "  br label %level",
            "level:",
            f"  %half = phi i64 [{width // 2}, %row], [%halved, %above]",
            "  %high = getelementptr double, ptr %low, i64 %half",
            "  br label %turn",
            "turn:",
            "  %j = phi i64 [0, %level], [%j1, %turn]",
            "  %p = getelementptr double, ptr %low, i64 %j",
            "  %q = getelementptr double, ptr %high, i64 %j",
            "  %a = load double, ptr %p",
            "  %b = load double, ptr %q",
            "  %s = fadd double %a, %b",
            "  store double %s, ptr %p",
            "  %j1 = add nuw i64 %j, 1",
            "  %end = icmp eq i64 %j1, %half",
            "  br i1 %end, label %above, label %turn",
            "above:",
            "  %halved = lshr i64 %half, 1",
            "  %one = icmp eq i64 %half, 1",
            "  br i1 %one, label %after, label %level",
            "after:",
            "  %next = add nuw i64 %i, 1",
            "  %last = icmp eq i64 %next, %n",
            "  br i1 %last, label %done, label %row",
            "done:",
            "  ret i32 0",
            "}",
        ]
    )


def _round(turn: int, words: list[str]) -> Iterator[str]:
    for j, place in ((0, 0), (1, 2)):
        yield f"  %w{j}_{turn} = zext i64 {words[place]} to i128"
        yield f"  %m{j}_{turn} = mul nuw i128 %w{j}_{turn}, {_MULTIPLIERS[j]}"
        yield f"  %s{j}_{turn} = lshr i128 %m{j}_{turn}, 64"
        yield f"  %h{j}_{turn} = trunc i128 %s{j}_{turn} to i64"
        yield f"  %l{j}_{turn} = trunc i128 %m{j}_{turn} to i64"
        yield f"  %k{j}_{turn} = add i64 %key{j}, {_WEYL[j] * turn % (1 << 64)}"
    yield f"  %e{turn} = xor i64 %h1_{turn}, {words[1]}"
    yield f"  %a{turn} = xor i64 %e{turn}, %k0_{turn}"
    yield f"  %b{turn} = add i64 %l1_{turn}, 0"
    yield f"  %f{turn} = xor i64 %h0_{turn}, {words[3]}"
    yield f"  %c{turn}x = xor i64 %f{turn}, %k1_{turn}"
    yield f"  %d{turn} = add i64 %l0_{turn}, 0"


def _counted(parameters: str, entry: list[str], body: list[str]) -> str:
    return "\n".join(
        [
            f"define i32 @loop(i64 %n, {parameters}) {{",
            "entry:",
            *entry,
            "  %empty = icmp eq i64 %n, 0",
            "  br i1 %empty, label %done, label %turn",
            "turn:",
            "  %i = phi i64 [0, %entry], [%next, %turn]",
            *body,
            "  %next = add nuw i64 %i, 1",
            "  %last = icmp eq i64 %next, %n",
            "  br i1 %last, label %done, label %turn",
            "done:",
            "  ret i32 0",
            "}",
        ]
    )
