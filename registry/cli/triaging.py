"""The command that says where to look first: influence."""

from __future__ import annotations

import typer
from rich.markup import escape

from registry import afar
from registry.cli import tables
from registry.cli.answering import answers_of, remote_at
from registry.cli.asking import Ref
from registry.cli.session import (
    HomeOption,
    JsonOption,
    RegistryOption,
    called,
    counted,
    home_at,
    out,
    say,
    short,
)
from registry.triage import CAVEAT, BoundsOut, InfluenceOut
from registry.work.influence import influence as ranked

app = typer.Typer()


@app.command()
def influence(
    source: Ref, home: HomeOption = None, registry: RegistryOption = None, as_json: JsonOption = False
) -> None:
    """How much of it is in each of its descendants? Where to look first; it clears none of them."""
    if registry is not None:
        answer = afar.influence(remote_at(registry, home), source)
    else:
        opened = home_at(home)
        answer = ranked(opened, answers_of(opened).resolve(source))
    say(as_json, answer, lambda: _show(answer))


def _show(answer: InfluenceOut) -> None:
    head = escape(called(answer.artifact, answer.names))
    count = counted(len(answer.descendants), "descendant")
    out.print(f"[bold]{head}[/] has {count}  {answer.artifact}", soft_wrap=True)
    if answer.descendants:
        table = tables.headed("artifact", "by weights", "measured")
        for one in answer.descendants:
            names = "".join(f"{escape(name)}\n" for name in one.names[:1])
            table.add_row(names + short(one.artifact), bounds(one.analytic), bounds(one.measured))
        out.print(table)
    for missing in answer.uncounted:
        out.print(f"  not measured: {escape(missing.why)}", soft_wrap=True)
    if not answer.complete:
        out.print(
            "[yellow]incomplete:[/] part of the lineage is left out, so nothing here is bounded from above"
        )
    out.print(f"  as of {answer.as_of} log entries; {CAVEAT}", soft_wrap=True)


def bounds(found: BoundsOut | None) -> str:
    """Return a share in percent, or in words where it is nothing or not known."""
    if found is None:
        return ""
    if found.high == 0:
        return "no weights"
    if (found.low, found.high) == (0, 1):
        return "unknown"
    low, high = _percent(found.low), _percent(found.high)
    return low if low == high else f"{low} to {high}"


def _percent(share: float) -> str:
    # Little is not nothing.
    return "0" if share == 0 else "below 0.1%" if share < 0.001 else f"{share:.1%}"
