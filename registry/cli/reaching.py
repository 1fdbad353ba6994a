"""The command that lists descendants, or ancestors, however many there are: reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated

import typer
from rich.markup import escape

from registry import afar
from registry.cli import stands, tables
from registry.cli.answering import answers_of, remote_at
from registry.cli.asking import Ref
from registry.cli.session import (
    HomeOption,
    JsonOption,
    RegistryOption,
    err,
    home_at,
    out,
    plain,
    say,
    short,
)
from registry.reached import MOST, PAGE, ReachOut
from registry.store.descent import Direction
from registry.work.reach import reach as paged
from signing import canonical
from signing.errors import Malformed

app = typer.Typer()

Ask = Callable[[str | None], ReachOut]


@app.command()
def reach(
    ref: Ref,
    up: Annotated[bool, typer.Option("--up", help="Whom it has its weights from, instead.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=MOST, help="How many to list, or to fetch at once.")
    ] = PAGE,
    after: Annotated[
        str | None, typer.Option("--after", metavar="CURSOR", help="Go on where a page ended.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All pages; with --json one JSON value a page and line.")
    ] = False,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Whom did it put weights into? Nearest first, page by page, for hubs with a hundred thousand descendants too."""
    ask = _asked(ref, "ancestors" if up else "descendants", limit, home, registry)
    pages = _pages(ask, after) if every else iter([ask(after)])
    for number, answer in enumerate(pages):
        if as_json and every:
            typer.echo(canonical.encode(plain(answer)))
        else:
            say(as_json, answer, partial(_show, answer, begins=number == 0 and after is None, ends=not every))


def _asked(ref: str, direction: Direction, limit: int, home: HomeOption, registry: str | None) -> Ask:
    """Return what fetches one page from whoever answers."""
    if registry is not None:
        remote = remote_at(registry, home)
        return lambda after: afar.reach(remote, ref, direction, limit, after, named=True)
    opened = home_at(home)
    artifact = answers_of(opened).resolve(ref)
    return lambda after: paged(opened, artifact, direction, limit, after, named=True)


def _pages(ask: Ask, after: str | None) -> Iterator[ReachOut]:
    """Go through all pages; a registry that never comes to an end is refused."""
    seen, as_of = set[str](), None
    while True:
        page = ask(after)
        if as_of not in (None, page.as_of):
            raise Malformed(f"one page is as of {as_of} log entries, the next as of {page.as_of}")
        as_of = page.as_of
        yield page
        if page.next is None:
            return
        again = seen.intersection(one.artifact for one in page.relatives)
        if again or not page.relatives:
            raise Malformed(
                f"the list repeats itself behind {after}: {', '.join(sorted(again)[:1]) or 'nothing'}"
            )
        seen.update(one.artifact for one in page.relatives)
        after = page.next


def _show(answer: ReachOut, *, begins: bool, ends: bool) -> None:
    if begins:
        word = answer.direction if answer.total != 1 else answer.direction[:-1]
        out.print(
            f"[bold]{escape(short(answer.artifact))}[/] has {answer.total} {word} by edges that carry weights",
            soft_wrap=True,
        )
    kinds = {incident.id: incident.kind for incident in answer.incidents}
    if answer.relatives:
        table = tables.headed("hops", "artifact", "incidents")
        table.columns[2].min_width = 9  # beside the long id of a stub, words would be broken into letters
        for one in answer.relatives:
            names = "".join(f"{escape(name)}\n" for name in one.names[:1])
            hits = ", ".join(sorted({kinds[incident] for incident in one.incidents}))
            table.add_row(str(one.distance), names + short(one.artifact), f"[red]{hits}[/]" if hits else "")
        out.print(table)
    stands.doubts(answer.doubts)
    if ends or answer.next is None:
        stands.stopping(stops=answer.stopping)
    if answer.next is None:
        out.print(f"  complete as of {answer.as_of} log entries", soft_wrap=True)
    elif ends:
        err.print(f"there are more: go on with --after {answer.next}, or list --all", soft_wrap=True)
