"""Commands that ask how artifacts are related: paths, common, roots, known."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

import typer
from rich.markup import escape

from registry import afar
from registry.answers import EdgeOut
from registry.cli import tables
from registry.cli.answering import answers_of, remote_at
from registry.cli.asking import Ref
from registry.cli.session import (
    Fails,
    HomeOption,
    JsonOption,
    RegistryOption,
    called,
    counted,
    home_at,
    out,
    path_of,
    say,
    short,
)
from registry.cli.triaging import bounds
from registry.kinship import AncestryOut, CommonOut, PathsOut, RelatedOut, RootsOut
from registry.work import kinship
from signing.errors import Malformed

app = typer.Typer()


@app.command()
def paths(
    ancestor: Ref,
    descendant: Ref,
    count: Annotated[bool, typer.Option("--count", help="Print how many, and nothing else.")] = False,
    shortest: Annotated[bool, typer.Option("--shortest", help="Show a shortest one alone.")] = False,
    heaviest: Annotated[
        bool, typer.Option("--heaviest", help="Show the one with the largest product of weights alone.")
    ] = False,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """By how many paths does one descend from the other, and by which most of all? Exit 1 if by none. --json tells all of it."""
    if count + shortest + heaviest > 1:
        raise Malformed(
            "--count, --shortest and --heaviest each show one thing alone: give one of them, or none"
        )
    if registry is not None:
        answer = afar.paths(remote_at(registry, home), ancestor, descendant)
    else:
        opened = home_at(home)
        local = answers_of(opened)
        answer = kinship.paths(opened.store, local.resolve(ancestor), local.resolve(descendant))

    def show() -> None:
        if count:
            out.print(answer.count, soft_wrap=True)
        else:
            _paths(answer, shortest=not heaviest, heaviest=not shortest)

    say(as_json, answer, show)
    if answer.count == "0":
        raise Fails


@app.command()
def common(
    artifacts: Annotated[
        list[str],
        typer.Argument(metavar="REF REF...", help="Two artifacts or more, each named as everywhere else."),
    ],
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Of what are all of them made, and what is the nearest of that? Exit 1 if nothing is known."""
    if registry is not None:
        answer = afar.common(remote_at(registry, home), artifacts)
    else:
        opened = home_at(home)
        answer = kinship.common(opened.store, [answers_of(opened).resolve(ref) for ref in artifacts])
    say(as_json, answer, lambda: _common(answer))
    if not answer.ancestors:
        raise Fails


@app.command()
def roots(
    ref: Ref, home: HomeOption = None, registry: RegistryOption = None, as_json: JsonOption = False
) -> None:
    """Where does its lineage begin: which ancestors have no parents?"""
    if registry is not None:
        answer = afar.roots(remote_at(registry, home), ref)
    else:
        opened = home_at(home)
        answer = kinship.roots(opened.store, answers_of(opened).resolve(ref))
    say(as_json, answer, lambda: _roots(answer))


@app.command()
def known(
    ref: Ref, home: HomeOption = None, registry: RegistryOption = None, as_json: JsonOption = False
) -> None:
    """How much of what it is made of is known, and what is missing? Exit 0 only if nothing is."""
    if registry is not None:
        answer = afar.known(remote_at(registry, home), ref)
    else:
        opened = home_at(home)
        answer = kinship.known(opened.store, answers_of(opened).resolve(ref))
    say(as_json, answer, lambda: _known(answer))
    if answer.missing or not answer.seen or not answer.complete:
        raise Fails


def _paths(answer: PathsOut, *, shortest: bool, heaviest: bool) -> None:
    above, below = (
        escape(called(one, answer.names.get(one, ()))) for one in (answer.ancestor, answer.descendant)
    )
    if answer.weight is None:
        out.print(f"[bold]{below}[/] does not descend from [bold]{above}[/]", soft_wrap=True)
    else:
        number = "1 path" if answer.count == "1" else f"{answer.count} paths"
        out.print(f"[bold]{below}[/] descends from [bold]{above}[/] by {number}", soft_wrap=True)
        if shortest:
            _way("a shortest", answer.shortest, answer)
        if heaviest:
            _way(f"the heaviest, {bounds(answer.weight)} by weights", answer.heaviest, answer)
    tables.completeness(answer.complete, answer.as_of)


def _way(what: str, way: tuple[str, ...], answer: PathsOut) -> None:
    out.print(f"  {what}: {escape(path_of(way, answer.names))}", soft_wrap=True)
    table = tables.headed("made", "from", "relation", "part", "evidence")
    for edge in _along(way, answer):
        table.add_row(
            escape(called(edge.child, answer.names.get(edge.child, ()))),
            escape(called(edge.parent, answer.names.get(edge.parent, ()))),
            edge.relation,
            tables.part(edge),
            edge.evidence,
        )
    tables.put(table)


def _along(way: tuple[str, ...], answer: PathsOut) -> list[EdgeOut]:
    return [edge for step in pairwise(way) for edge in answer.edges if (edge.parent, edge.child) == step]


def _common(answer: CommonOut) -> None:
    names = " and ".join(escape(called(one.artifact, one.names)) for one in answer.artifacts)
    count = counted(len(answer.ancestors), "common ancestor")
    out.print(f"[bold]{names}[/] have {count}", soft_wrap=True)
    if answer.ancestors:
        table = tables.headed("artifact", "nearest", "hops", "known")
        for one in answer.ancestors:
            hops = ", ".join(map(str, one.distances))
            table.add_row(_called(one), "[bold]nearest[/]" if one.nearest else "", hops, _seen(one))
        tables.put(table)
    tables.completeness(answer.complete, answer.as_of)


def _roots(answer: RootsOut) -> None:
    head = escape(called(answer.artifact, answer.names))
    said = "has no parents" if answer.itself else f"begins with {counted(len(answer.roots), 'artifact')}"
    out.print(f"[bold]{head}[/] {said}  {answer.artifact}", soft_wrap=True)
    if answer.roots:
        table = tables.headed("hops", "artifact", "known")
        for one in answer.roots:
            table.add_row(str(one.distance), _called(one), _seen(one))
        tables.put(table)
    tables.completeness(answer.complete, answer.as_of)


def _known(answer: AncestryOut) -> None:
    head = escape(called(answer.artifact, answer.names))
    itself = "" if answer.seen else ", and nothing is known about it itself"
    out.print(
        f"[bold]{head}[/] has {counted(answer.ancestors, 'ancestor')}: {answer.registered} registered,"
        f" {answer.stubs} never seen, {answer.unknown} unknown{itself}  {answer.artifact}",
        soft_wrap=True,
    )
    grades = ", ".join(f"{one.edges} {one.evidence}" for one in answer.edges if one.edges) or "none"
    out.print(f"  edges: {grades}", soft_wrap=True)
    for one in answer.missing:
        why = "never seen here" if one.why == "stub" else "what was said of it is gone, or counts no longer"
        out.print(f"  [yellow]missing[/] {escape(called(one.artifact, one.names))}: {why}", soft_wrap=True)
    tables.completeness(answer.complete, answer.as_of)


def _called(one: RelatedOut) -> str:
    return "".join(f"{escape(name)}\n" for name in one.names[:1]) + short(one.artifact)


def _seen(one: RelatedOut) -> str:
    return "" if one.seen else "[yellow]never seen: more may stand above it[/]"
