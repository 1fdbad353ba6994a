"""The commands that mend what an incident affects: plan and run a remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lineage.remedy import Rebuild
from merger.folder import Progress
from registry.cli import stands, tables
from registry.cli.incidents import named
from registry.cli.making import BackendName, BackendOption, DeviceOption, computer_of
from registry.cli.session import (
    Fails,
    HomeOption,
    JsonOption,
    MemoryOption,
    ReadOption,
    ThreadsOption,
    bound,
    called,
    counted,
    err,
    home_at,
    out,
    say,
    short,
)
from registry.home import Home
from registry.work import remedy as remedies
from registry.work.remedy import Corrected, Remedy
from signing.canonical import Json
from signing.errors import Malformed

app = typer.Typer(help="Make what an incident affects again, of what is not affected.", no_args_is_help=True)

Incident = Annotated[str, typer.Argument(metavar="INCIDENT", help="Id of the incident, or its beginning.")]
ReplaceOption = Annotated[
    list[str] | None,
    typer.Option("--replace", metavar="OLD=NEW", help="What stands in the place of an affected artifact."),
]
DropOption = Annotated[
    list[str] | None,
    typer.Option(
        "--drop",
        metavar="OLD",
        help="An affected artifact to leave out; what the incident names is, if not replaced.",
    ),
]


@app.command("plan")
def show_plan(
    incident: Incident,
    replace: ReplaceOption = None,
    drop: DropOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """What can be made again, in which order and from which recipe; what cannot, and why? Exit 1 if something cannot."""
    found = _found(home_at(home), incident, replace, drop)
    say(as_json, _json(found), lambda: _show(found))
    if found.plan.stuck or found.incident.removed:
        raise Fails


@app.command()
def run(
    incident: Incident,
    target: Annotated[
        Path, typer.Option("--out", help="Folder that gets a folder for every corrected artifact.")
    ],
    replace: ReplaceOption = None,
    drop: DropOption = None,
    threads: ThreadsOption = 2,
    read: ReadOption = 1,
    memory: MemoryOption = None,
    backend: BackendOption = BackendName.COMPILED,
    device: DeviceOption = "cpu",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make again what can be, level by level, and check in the log that the incident reaches none of it. Exit 1 if something is left."""
    opened = home_at(home)
    found = _found(opened, incident, replace, drop)
    computer, most = computer_of(backend, device), bound(memory)

    def begun(step: Rebuild) -> Progress:
        if not as_json:
            err.print(
                f"making {called(step.artifact, found.names[step.artifact])} again",
                markup=False,
                soft_wrap=True,
            )
        return lambda _: None

    done = list(
        remedies.run(
            opened, found, target, computer, threads=threads, factor=read, memory=most, progress=begun
        )
    )
    clear = remedies.check(opened, found.incident, done)

    def show() -> None:
        for one in done:
            where = f"in {one.folder}" if one.folder else "made before"
            out.print(
                f"[bold]{escape(called(one.earlier, found.names[one.earlier]))}[/]  superseded by {one.artifact}, {escape(where)}",
                soft_wrap=True,
            )
        _show_stuck(found)
        what = " and ".join(called(one, found.names[one]) for one in found.incident.artifacts)
        out.print(
            f"  {counted(len(done), 'artifact')} corrected, and none descends from {escape(what)} any more by anything that"
            f" carries {found.incident.what}; checked in {clear.size} log entries",
            soft_wrap=True,
        )
        for artifact in clear.beside:
            out.print(f"  {short(artifact)} still does by a tokenizer or a teacher", soft_wrap=True)
        stands.doubts([found.incident] if found.incident.removed else [])

    value: Json = {
        "incident": found.incident.id,
        "corrected": [_corrected(one) for one in done],
        "stuck": [{"artifact": one.artifact, "why": one.why} for one in found.plan.stuck],
        "beside": list(clear.beside),
        "removed": found.incident.removed,
        "as_of": clear.size,
    }
    say(as_json, value, show)
    if found.plan.stuck or found.incident.removed:
        raise Fails


def _found(home: Home, beginning: str, replace: Sequence[str] | None, drop: Sequence[str] | None) -> Remedy:
    return remedies.remedy(home, named(home, beginning), _pairs(replace or ()), drop or ())


def _pairs(replace: Sequence[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for one in replace:
        old, equals, new = one.partition("=")
        if not (old and equals and new):
            raise Malformed(f"--replace {one} says not what stands in the place of what; write OLD=NEW")
        if found.get(old, new) != new:
            raise Malformed(f"--replace puts {found[old]} and {new} in the place of {old}")
        found[old] = new
    return found


def _show(found: Remedy) -> None:
    plan, incident = found.plan, found.incident
    out.print(
        f"[bold]incident {incident.id[:12]}[/]  {incident.what}, {incident.stage}: {escape(incident.summary)}",
        soft_wrap=True,
    )
    out.print(f"  {counted(len(plan.rebuilds), 'artifact')} can be made again, {len(plan.stuck)} cannot")
    if plan.rebuilds:
        table = tables.headed("level", "artifact", "method", "dropped", "replaced", "once corrected")
        for one in plan.rebuilds:
            table.add_row(
                str(one.level),
                "\n".join((*map(escape, found.names[one.artifact][:1]), short(one.artifact))),
                one.recipe.method,
                "\n".join(_called(found, old) for old in one.dropped),
                "\n".join(f"{_called(found, old)} → {_called(found, new)}" for old, new in one.replaced),
                "\n".join(_called(found, other) for other in one.awaits),
            )
        out.print(table)
    _show_stuck(found)
    stands.doubts([incident] if incident.removed else [])
    out.print(f"  as of {found.as_of} log entries; `studbook remedy run` makes them", soft_wrap=True)


def _show_stuck(found: Remedy) -> None:
    for one in found.plan.stuck:
        out.print(
            f"  [yellow]not made again[/] {_called(found, one.artifact)}: {escape(one.why)}", soft_wrap=True
        )


def _called(found: Remedy, artifact: str) -> str:
    return escape(called(artifact, found.names.get(artifact, ())))


def _json(found: Remedy) -> Json:
    return {
        "incident": found.incident.id,
        "rebuilds": [
            {
                "artifact": one.artifact,
                "level": one.level,
                "recipe": one.recipe.json_value(),
                "awaits": list(one.awaits),
                "dropped": list(one.dropped),
                "replaced": dict(one.replaced),
            }
            for one in found.plan.rebuilds
        ],
        "stuck": [{"artifact": one.artifact, "why": one.why} for one in found.plan.stuck],
        "removed": found.incident.removed,
        "as_of": found.as_of,
    }


def _corrected(one: Corrected) -> Json:
    return {
        "earlier": one.earlier,
        "artifact": one.artifact,
        "folder": None if one.folder is None else str(one.folder),
    }
