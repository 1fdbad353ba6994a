"""What is told of an artifact beside what it is: as what it is known upstream, whose word that is, and where cards differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.markup import escape

from lineage import sameness
from lineage.facts import is_stub
from registry.answers import VerdictOut
from registry.cli.session import moment, out, short
from registry.said import (
    AttestationOut,
    ClaimOut,
    ComparisonOut,
    ContradictionOut,
    CorrectionOut,
    DisputeOut,
    EvaluationOut,
)


def same(answer: VerdictOut) -> Iterator[str]:
    """Go through what an artifact is upstream, or which artifacts are said to be this stub, a line each."""
    for edge in answer.same:
        stub, artifact = (edge.child, edge.parent) if is_stub(edge.child) else (edge.parent, edge.child)
        other = artifact if answer.artifact == stub else stub
        whose = (
            f"in the name of {sameness.namespace(stub)}" if edge.child == stub else "by its publisher's word"
        )
        yield escape(f"{short(other)}, {edge.evidence}, {whose}")


def contradictions(found: Iterable[ContradictionOut]) -> None:
    """Print where cards and configs say something else than is signed, a line each."""
    for one in found:
        out.print(f"  [yellow]{one.kind}[/]: {escape(one.sentence)}", soft_wrap=True)


def whose(
    said: EvaluationOut | AttestationOut | ClaimOut | CorrectionOut | ComparisonOut | DisputeOut,
) -> str:
    """Return whose word something is, and when they gave it."""
    return f"said by {', '.join(said.operators)} on {moment(said.time)}"
