"""The command that asks about terms of what is not made yet: license propose."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from registry.cli.licensing import COLOURS, finding
from registry.cli.session import Fails, HomeOption, JsonOption, called, err, home_at, out, say
from registry.cli.tables import headed, put
from registry.home import Home
from registry.proposal import OwedOut, ProposalOut
from registry.work.chain import Link, links
from registry.work.make import RECIPE_LIMIT, carries_rows
from registry.work.terms import proposed

app = typer.Typer()


@app.command()
def propose(
    recipe: Annotated[Path, typer.Argument(help="Recipe: mergekit YAML or canonical JSON.")],
    name: Annotated[
        str | None, typer.Option(help="What the result will be called: does that begin as it has to?")
    ] = None,
    target: Annotated[
        Path, typer.Option("--out", help="Where a chain's result goes; documents that are made are passed.")
    ] = Path("merged"),
    seed: Annotated[str | None, typer.Option(help="Seed of random masks, where the recipe has none.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which licenses may the result of a recipe declare, and what has to go along? Exit 0 only if that is ok."""
    opened = home_at(home)
    with recipe.open("rb") as file:
        raw = file.read(RECIPE_LIMIT + 1)
    answer = next(
        _answer(opened, link, name, last=link.folder == target)
        for link in links(opened, raw, target, seed)
        if link.artifact is None or link.folder == target
    )
    say(as_json, answer, lambda: _show(answer))
    if answer.license is None or answer.outcome != "ok":
        raise Fails


def _answer(home: Home, link: Link, name: str | None, *, last: bool) -> ProposalOut:
    asked, own = link.prepared.recipe, link.prepared.declares
    if not last:
        err.print(
            f"note: this is about {link.folder}, the first document that is not merged yet; those after it descend from it",
            markup=False,
            soft_wrap=True,
        )
    wanted = asked.model_copy(update={"license": own})
    rows = carries_rows(asked, link.prepared.inputs)
    found, names = proposed(home, wanted, by_rows=rows, name=name)
    return ProposalOut.of(found, asked.digest, names, declared=own is not None)


def _show(answer: ProposalOut) -> None:
    word = answer.outcome.replace("_", " ")
    how = "declared by the recipe" if answer.declared else "proposed"
    out.print(
        f"[bold]{escape(answer.license or 'none')}[/]  {how}  [bold {COLOURS[answer.outcome]}]{word}[/]  recipe {answer.recipe}",
        soft_wrap=True,
    )
    if answer.license is None:
        out.print(f"  {_why_none(answer)}", soft_wrap=True)
    for one in answer.because:
        finding(one, answer.names)
    for candidate in answer.candidates:
        if candidate.license == answer.license:
            for one in candidate.findings:
                finding(one, answer.names)
            for doubt in candidate.doubts:
                out.print(f"  [yellow]read the text:[/] {escape(doubt)}", soft_wrap=True)
    table = headed("may declare", "comes to", "because")
    for candidate in answer.candidates:
        why = "".join(escape(one.sentence) for one in candidate.findings[:1])
        come = candidate.outcome.replace("_", " ")
        table.add_row(escape(candidate.license), f"[{COLOURS[candidate.outcome]}]{come}[/]", why)
    put(table)
    _owed(answer)
    out.print(f"  by rule-set {answer.rules}, as of {answer.as_of} log entries")
    out.print(f"  {answer.notice}", soft_wrap=True)


def _owed(answer: ProposalOut) -> None:
    """Print what has to go along, whatever is declared."""
    for one in answer.prefixes:
        begins = " or ".join(map(repr, one.texts))
        out.print(f"  its name begins with {escape(begins)}: {_whose(one, answer)}", soft_wrap=True)
    for notice in answer.notices:
        out.print(f"  its card shows {escape(repr(notice))}", soft_wrap=True)
    for one in answer.files:
        what = "the text of the license" if one.duty == "copy_of_license" else "its notice file"
        out.print(f"  ship {what}: {_whose(one, answer)}", soft_wrap=True)
    for one in answer.duties:
        words = f" {' or '.join(map(repr, one.texts))}" if one.texts else ""
        out.print(f"  owed: {one.duty}{escape(words)}: {_whose(one, answer)}", soft_wrap=True)


def _why_none(answer: ProposalOut) -> str:
    match answer.outcome:
        case "conflict":
            return "none can be carried: whatever is declared contradicts something"
        case "unknown":
            return "none is proposed, since not everything above is known"
        case "ok" | "needs_review":
            return "no license above can be declared for the whole; choose one that may be, by `license:` in the recipe"


def _whose(one: OwedOut, answer: ProposalOut) -> str:
    open_ = "" if one.settled else ", unsettled"
    return escape(
        f"{one.license}, inherited from {called(one.origin, answer.names.get(one.origin, ()))}{open_}"
    )
