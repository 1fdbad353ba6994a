"""Sums of outer products in LLVM's language: what `merger.product.outer_sum` adds, some terms in one pass over the result.

Each element's terms are added one by one with k rising, as docs/arithmetic.md has it: "Products".
"""

from __future__ import annotations

from functools import cache

# Terms of one pass: their factors of a row stay in the processor's registers.
TERMS = 16


@cache
def outer(terms: int, *, begun: bool) -> str:
    """Return the loop of (rows, sizes, down, across, out) that adds so many terms to `out`, or writes their sum there.

    `sizes` are the width of a row, and by how many fp64 numbers rows of across, of down and of out lie apart: 64-bit
    integers. Row k of across and of down holds what term k has along columns and along rows.
    """
    ks = range(terms)
    entry = ["  %width = load i64, ptr %sizes"]
    for i, name in enumerate(("across_apart", "down_apart", "out_apart"), 1):
        entry += [f"  %s{i} = getelementptr i64, ptr %sizes, i64 {i}", f"  %{name} = load i64, ptr %s{i}"]
    for k in ks:
        entry += [f"  %ao{k} = mul i64 %across_apart, {k}", f"  %do{k} = mul i64 %down_apart, {k}"]
        entry += [f"  %a{k} = getelementptr double, ptr %across, i64 %ao{k}"]
    row = ["  %at = mul i64 %i, %out_apart", "  %row = getelementptr double, ptr %out, i64 %at"]
    for k in ks:
        row += [f"  %di{k} = add i64 %do{k}, %i", f"  %dp{k} = getelementptr double, ptr %down, i64 %di{k}"]
        row += [f"  %d{k} = load double, ptr %dp{k}"]
    turn = ["  %q = getelementptr double, ptr %row, i64 %j"]
    turn += ["  %sum0 = load double, ptr %q"] if begun else []
    for k in ks:
        turn += [f"  %p{k} = getelementptr double, ptr %a{k}, i64 %j", f"  %x{k} = load double, ptr %p{k}"]
        turn += [f"  %t{k} = fmul double %d{k}, %x{k}"]
        if begun or k:
            last = f"%sum{k}" if begun or k > 1 else "%t0"
            turn += [f"  %sum{k + 1} = fadd double {last}, %t{k}"]
    result = "%t0" if terms == 1 and not begun else f"%sum{terms}"
    return "\n".join(
        [
            "define i32 @loop(i64 %n, ptr noalias %sizes, ptr noalias %down, ptr noalias %across, ptr noalias %out) {",
            "entry:",
            *entry,
            "  %none = icmp eq i64 %n, 0",
            "  %narrow = icmp eq i64 %width, 0",
            "  %empty = or i1 %none, %narrow",
            "  br i1 %empty, label %done, label %rows",
            "rows:",
            "  %i = phi i64 [0, %entry], [%i1, %after]",
            *row,
            "  br label %turn",
            "turn:",
            "  %j = phi i64 [0, %rows], [%j1, %turn]",
            *turn,
            f"  store double {result}, ptr %q",
            "  %j1 = add nuw i64 %j, 1",
            "  %end = icmp eq i64 %j1, %width",
            "  br i1 %end, label %after, label %turn",
            "after:",
            "  %i1 = add nuw i64 %i, 1",
            "  %last = icmp eq i64 %i1, %n",
            "  br i1 %last, label %done, label %rows",
            "done:",
            "  ret i32 0",
            "}",
        ]
    )
