"""Options that choose among the relatives of an artifact, the same for every command that lists them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, get_args

import typer

from lineage.facts import RELATIONS
from lineage.selection import State
from lineage.subjects import Pedigree
from registry import exports
from registry.selected import Grade, SelectionOut, moment
from signing.errors import Malformed

_GRADES: tuple[str, ...] = get_args(Grade)
_STATES: tuple[str, ...] = get_args(State)


def completing(words: Sequence[str]) -> Callable[[str], list[str]]:
    """Return what completes the beginning of one of `words` in a shell."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


RelationOption = Annotated[
    list[str] | None,
    typer.Option(
        "--relation",
        metavar="RELATION",
        autocompletion=completing(RELATIONS),
        help=f"Along edges of this relation alone, or of these: {', '.join(RELATIONS)}.",
    ),
]
EvidenceOption = Annotated[
    str | None,
    typer.Option(
        metavar="GRADE",
        autocompletion=completing(_GRADES),
        help="Along edges known at least so well: claimed, signed, consistent, reproduced; or those that are contradicted.",
    ),
]
StandingOption = Annotated[
    str | None,
    typer.Option(
        metavar="STATE", autocompletion=completing(_STATES), help=f"That stand so: {', '.join(_STATES)}."
    ),
]
LicenseOption = Annotated[
    str | None, typer.Option("--license", metavar="ID", help="Whose publisher declares this license.")
]
OwnerOption = Annotated[
    str | None,
    typer.Option(
        metavar="WHO",
        help="In this namespace, or registered by this operator, or by a key whose id begins so (8 digits or more).",
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        metavar="WHEN",
        help="In the log since then: entry:INDEX, 2026-01-31T12:00:00Z with its zone, or unix seconds.",
    ),
]
UntilOption = Annotated[
    str | None, typer.Option(metavar="WHEN", help="In the log by then, that entry or second included.")
]
SHAPES = ("table", "tree", "json")
FORMS = (*SHAPES, *exports.formats(Pedigree))
FormOption = Annotated[
    str,
    typer.Option("--format", metavar="FORMAT", autocompletion=completing(FORMS), help=f"{', '.join(FORMS)}."),
]


def shape(form: str, *, as_json: bool) -> str:
    """Return the format that is asked for: `--json` is another word for one of them."""
    if form not in FORMS:
        raise Malformed(f"{form!r} is no format; choose one of {', '.join(FORMS)}")
    if as_json and form not in {"table", "json"}:
        raise Malformed(f"--json and --format {form} are two formats: give one of them")
    return "json" if as_json else form


def selection(
    relation: Sequence[str] | None,
    evidence: str | None,
    standing: str | None,
    license_id: str | None,
    owner: str | None,
    since: str | None,
    until: str | None,
) -> SelectionOut:
    """Return what these options ask for, or say in a sentence which of them asks for nothing that there is."""
    return SelectionOut.of(
        relations=tuple(relation or ()),
        evidence=evidence,
        standing=standing,
        license=license_id,
        owner=owner,
        since=_place(since),
        until=_place(until),
    )


def _place(said: str | None) -> str | None:
    if said is None:
        return None
    found = moment(said)
    if found is None:
        raise Malformed(
            f"{said!r} is no time: write entry:INDEX, 2026-01-31T12:00:00Z with its zone, or unix seconds"
        )
    return f"entry:{found.value}" if found.of == "entry" else str(found.value)
