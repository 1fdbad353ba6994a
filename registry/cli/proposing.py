"""The command that asks about terms of what is not made yet: license propose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from merger.card import card as carded
from merger.recipe import Recipe
from registry import afar
from registry.cli.answering import remote_at
from registry.cli.licensing import COLOURS, finding
from registry.cli.session import (
    Fails,
    HomeOption,
    JsonOption,
    RegistryOption,
    called,
    err,
    home_at,
    out,
    say,
)
from registry.cli.tables import headed, put
from registry.home import Home
from registry.proposal import OwedOut, ProposalOut
from registry.work.chain import Link, links
from registry.work.prepared import carries_rows, drawn, read
from registry.work.terms import RECIPE_LIMIT, proposed
from signing.errors import Malformed

if TYPE_CHECKING:
    from registry.client import Remote

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
    card: Annotated[
        Path | None,
        typer.Option(
            "--card", metavar="FILE", help="Write the card that the result would have to a new file."
        ),
    ] = None,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which licenses may the result of a recipe declare, and what has to go along? Exit 0 only if that is ok."""
    with recipe.open("rb") as file:
        raw = file.read(RECIPE_LIMIT + 1)
    if registry is None:
        opened = home_at(home)
        answer, asked = next(
            _answer(opened, link, name, last=link.folder == target)
            for link in links(opened, raw, target, seed)
            if link.artifact is None or link.folder == target
        )
    else:
        answer, asked = _afar(remote_at(registry, home), raw, seed, name)
    if card is not None:
        with card.open("xb") as written:
            written.write(carded(asked))
    say(as_json, answer, lambda: _show(answer))
    if answer.license is None or answer.outcome != "ok":
        raise Fails


def _answer(home: Home, link: Link, name: str | None, *, last: bool) -> tuple[ProposalOut, Recipe]:
    """Return what the result of a recipe may declare, and the recipe that a merge would execute."""
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
    return ProposalOut.of(found, asked.digest, names, declared=own is not None), asked


def _afar(remote: Remote, raw: bytes, seed: str | None, name: str | None) -> tuple[ProposalOut, Recipe]:
    """Return what a registry says that the result may declare, and the recipe with what it says written in."""
    asked = _compiled(remote, raw, seed)
    found = afar.proposal(remote, asked, name)
    changed = asked.json_value()
    if found.notices and asked.notices is None:
        changed["notices"] = list(found.notices)
    if asked.license is None and found.license is not None:
        changed["license"] = found.license
    final = Recipe.of(changed)
    return found.model_copy(update={"recipe": f"sha256:{final.digest}"}), final


def _compiled(remote: Remote, raw: bytes, seed: str | None) -> Recipe:
    """Return the canonical recipe of a file whose models are elsewhere: what it names means what the registry says."""
    read_as = read(raw)
    if isinstance(read_as, Recipe):
        return read_as
    if len(read_as) != 1:
        raise Malformed(
            f"the recipe file holds {len(read_as)} documents, of which the first has to be merged before a registry can be asked"
        )
    named = {ref: remote.meant(ref) for ref in read_as[0].references()}
    return read_as[0].compile(named, {}, drawn(raw) if seed is None else seed).recipe


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
