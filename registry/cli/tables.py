"""Tables: columns that nothing breaks, and what of statements and methods is listed in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from merger.method import Method
from merger.parameters import CLIP
from registry.answers import EdgeOut
from registry.cli.session import counted, kind_of, moment, out, short
from registry.work.verify import Holds, Proof
from signing import canonical
from signing.log import Leaf

_WHOLE = frozenset(
    {"id", "artifact", "proven", "made", "from", "parent", "incident", "entry", "hops", "selects"}
)
_ABOUT = 4


def methods(known: Sequence[Method]) -> None:
    """Print the merge methods with their parameters."""
    wide = max(len(p.name) for one in known for p in one.parameters)
    for one in known:
        base = {"needed": "onto", "none": "without", "either": "with or without"}[one.base] + " a base"
        beside = f", with statistics of kind {one.statistics.kind}" if one.statistics else ""
        out.print(f"[bold]{one.id}[/]  {escape(one.summary)}, {base}{beside}", soft_wrap=True)
        for p in one.parameters:
            whose = f"per {one.merges.removesuffix('s')}" if p.per_parent else "for all"
            out.print(f"  {p.name:{wide}} {whose:11} {escape(p.allowed)}: {escape(p.help)}", soft_wrap=True)
    without = ", ".join(one.id for one in known if not one.clips)
    out.print(
        f"every method but {without} takes {CLIP.name} beside these, {CLIP.allowed}: {CLIP.help}",
        soft_wrap=True,
    )


def holds(folder: Path, found: Holds) -> None:
    """Print what was proven about a folder."""
    out.print(
        f"[bold green]holds[/]  {escape(str(folder))} is {found.artifact}, {counted(found.files, 'file')}, byte for byte",
        soft_wrap=True,
    )
    proofs(found.proofs)


def proofs(found: Sequence[Proof], said: Sequence[str] = ()) -> None:
    """Print proven statements: what, by whom, when; and what each `said` in a few words, if that is given."""
    table = headed("proven", "about", "signed by", "logged", "entry", *(["says"] if said else []))
    for number, one in enumerate(found):
        place = f"{one.proven.index} of {one.proven.size}"
        table.add_row(
            kind_of(one.proven.statement.predicate_type),
            about(one.artifacts),
            ", ".join(one.operators),
            moment(one.proven.time),
            place,
            *map(escape, said[number : number + 1]),
        )
    put(table)


def about(artifacts: Sequence[str]) -> str:
    """Return which artifacts a statement is about, of which a document's claims may name a thousand."""
    more = len(artifacts) - _ABOUT
    return ", ".join(map(short, artifacts[:_ABOUT])) + (f" and {more} more" if more > 0 else "")


def logged(leaf: Leaf, index: int, size: int) -> None:
    """Print a leaf that is proven to be in the log."""
    when = moment(leaf.time)
    out.print(f"[bold green]logged[/]  entry {leaf.pae}, {index} of {size}, at {when}", soft_wrap=True)
    for key in leaf.keys:
        out.print(f"  signed by the key {key}", soft_wrap=True)


def part(edge: EdgeOut) -> str:
    """Return the part that a parent played, in a few words."""
    part = canonical.decode(edge.part.encode())
    if not isinstance(part, Mapping):
        return escape(edge.part)
    said = [str(part["role"])] if part.get("role") not in {None, "parent"} else []
    parameters = part.get("parameters")
    if isinstance(parameters, Mapping):
        said += [
            f"{k} {short(v) if isinstance(v, str) else 'by tensor'}" for k, v in sorted(parameters.items())
        ]
    return escape(", ".join(said))


def completeness(complete: bool, as_of: int) -> None:
    """Say that something was left out, if it was."""
    if not complete:
        out.print(f"[yellow]incomplete:[/] part of the lineage is left out; as of {as_of} log entries")


def put(table: Table) -> None:
    """Print a table as wide as its words need, if the terminal is not that wide: it breaks lines better than words."""
    needs = Measurement.get(out, out.options.update(width=10_000), table).minimum
    out.print(table, width=max(out.width, needs), crop=False)


def headed(*columns: str) -> Table:
    """Return an empty table with these columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        # What is copied into the next command is never broken.
        whole = column in _WHOLE
        table.add_column(column, no_wrap=whole, overflow="ignore" if whole else "fold")
    return table
