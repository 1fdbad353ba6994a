"""The command that asks about all licenses at once: license conflicts."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from itertools import chain
from typing import Annotated

import typer
from rich.markup import escape

from registry import afar
from registry.cli.answering import answers_of, remote_at
from registry.cli.licensing import COLOURS, finding, outcome
from registry.cli.session import (
    Fails,
    HomeOption,
    JsonOption,
    RegistryOption,
    called,
    counted,
    home_at,
    out,
    plain,
)
from registry.exports.csv import cell
from registry.found import FindingOut
from registry.home import Home
from registry.licensed import JudgedOut, JudgedPage
from registry.work.judging import page
from signing import canonical
from signing.errors import Malformed

app = typer.Typer()

COLUMNS = (
    *(
        "artifact",
        "name",
        "outcome",
        "finding",
        "severity",
        "decides",
        "license",
        "origin",
        "way",
        "sentence",
    ),
    *("verified", "rules", "as_of", "complete", "waived_for", "waived_until"),
)


class Only(StrEnum):
    """What a finding decides."""

    conflict = "conflict"
    unknown = "unknown"
    needs_review = "needs_review"


@app.command()
def conflicts(
    ref: Annotated[
        str | None,
        typer.Argument(metavar="[REF]", help="This and all that descends from it; else everything."),
    ] = None,
    only: Annotated[Only | None, typer.Option("--only", help="Of findings, those that decide this.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a row for each finding.")] = False,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Where do licenses contradict each other, or leave it open? Exit 0 only if all is ok, or nothing decides what --only says."""
    if as_csv and as_json:
        raise Malformed("--csv and --json are two forms; choose one")
    pages = _pages(home_at(home), ref) if registry is None else afar.conflicts(remote_at(registry, home), ref)
    # Before anything is written: what is refused is refused with the first page.
    pages = chain([next(pages)], pages)
    told = _Told(only)
    write = _json if as_json else _csv if as_csv else _show
    write(pages, told)
    if told.against:
        raise Fails


class _Told:
    """What was told so far: how many artifacts of each outcome, and how many that speak against an `ok`."""

    def __init__(self, only: Only | None) -> None:
        self.only = only
        self.outcomes: Counter[str] = Counter()
        self.against = 0

    def each(self, pages: Iterator[JudgedPage]) -> Iterator[tuple[JudgedOut, tuple[FindingOut, ...]]]:
        """Go through the artifacts with their findings that were asked for, and count them."""
        for one in (one for each in pages for one in each.artifacts):
            wanted = tuple(
                found
                for found in one.findings
                if found.decides == self.only or (self.only is None and found.decides != "nothing")
            )
            self.outcomes[one.outcome] += 1
            self.against += bool(wanted) if self.only else one.outcome != "ok"
            yield one, wanted


def _pages(home: Home, ref: str | None) -> Iterator[JudgedPage]:
    under = None if ref is None else answers_of(home).resolve(ref)
    after: str | None = None
    while True:
        with home.store.reading() as connection:
            found = page(connection, home.now(), under, after)
        yield found
        after = found.next
        if after is None:
            return


def _show(pages: Iterator[JudgedPage], told: _Told) -> None:
    size = rules = 0
    for one, wanted in told.each(pages):
        size, rules = one.as_of, one.rules
        if not wanted and (told.only or one.outcome == "ok"):
            continue
        head = escape(called(one.artifact, one.names[one.artifact]))
        word = outcome(one.outcome, one.accepted)
        out.print(f"[bold]{head}[/]  [bold {COLOURS[one.outcome]}]{word}[/]  {one.artifact}", soft_wrap=True)
        for found in wanted:
            finding(found, one.names)
        for doubt in () if told.only else one.doubts:
            out.print(f"  [yellow]read the text:[/] {escape(doubt)}", soft_wrap=True)
        if one.left_out:
            out.print(f"  and {counted(one.left_out, 'finding')} more of these kinds, further up")
    counts = ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in sorted(told.outcomes.items()))
    said = f"{counted(told.outcomes.total(), 'artifact')}: {counts or 'none'}"
    as_of = f"; by rule-set {rules}, as of {size} log entries" if size else ""
    out.print(f"{said}{as_of}; not legal advice", soft_wrap=True)


def _csv(pages: Iterator[JudgedPage], told: _Told) -> None:
    writer = csv.writer(sys.stdout, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one, wanted in told.each(pages):
        name = next(iter(one.names[one.artifact]), "")
        for found in wanted:
            what = (
                *(found.kind, found.severity, found.decides),
                *(found.license, found.origin, " ".join(found.via), found.sentence),
            )
            how = (str(found.verified).lower(), str(found.rules), str(one.as_of), str(one.complete).lower())
            holding = [waiver for waiver in found.waivers if waiver.live]
            waived = (
                " ".join(waiver.namespace for waiver in holding),
                " ".join(str(waiver.until) for waiver in holding),
            )
            writer.writerow(map(cell, (one.artifact, name, one.outcome, *what, *how, *waived)))


def _json(pages: Iterator[JudgedPage], told: _Told) -> None:
    # Written as it is found: the findings of a large registry do not fit into memory at once.
    typer.echo('{"artifacts":[', nl=False)
    between = ""
    for one, wanted in told.each(pages):
        value = plain(one.model_copy(update={"findings": wanted}))
        typer.echo(between + canonical.encode(value).decode(), nl=False)
        between = ","
    typer.echo(f'],"outcomes":{canonical.encode(dict(told.outcomes)).decode()}}}')
