"""The command that imports what others wrote: model cards, merge recipes, adapter configs, lists of edges."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.markup import escape

from registry.cli.session import HomeOption, JsonOption, counted, home_at, out, progress, say
from registry.ingest import kinds
from registry.records import Read, Reason
from registry.stubs import Nameless, stub
from registry.work import importing, sources
from registry.work.importing import Import, State
from signing import canonical
from signing.canonical import Json
from signing.errors import Malformed

app = typer.Typer()
_EXAMPLES = 3


@app.command("import")
def import_(
    kind: Annotated[str, typer.Argument(help="What is imported: adapters, cards, edges or recipes.")],
    path: Annotated[Path, typer.Argument(help="A document, or a folder of them.")],
    target: Annotated[
        str | None,
        typer.Option(
            metavar="OWNER/NAME", help="What the one document is about; its place says it otherwise."
        ),
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What each document is about: a JSON list of {file, target}."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Log nothing; say what would be.")] = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what became of every record, one JSON line each."),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Claim what others wrote about models that were never seen here; run again, it goes on where it was."""
    reader = kinds().get(kind)
    if reader is None:
        raise Malformed(f"{kind!r} is no kind of source; choose one of {', '.join(kinds())}")
    documents = sources.listed(reader, path)
    about = _about(target, len(documents))
    if (target or index) and any(reader.tells(name) for name, _ in documents):
        raise Malformed(
            f"{path} says itself what it is about; leave {'--target' if target else '--index'} out"
        )
    named = {} if index is None else sources.indexed(index)
    opened = home_at(home)
    with progress(f"reading {kind}", len(documents), quiet=as_json, in_bytes=False) as advance:
        found = list(sources.read(reader, documents, about, named, advance))
    wanted = importing.arranged(opened, found)
    with (
        _reported(report, wanted),
        progress(f"claiming {kind}", len(found), quiet=as_json, in_bytes=False) as advance,
    ):
        importing.run(opened, wanted, dry=dry_run, progress=advance)
    say(as_json, _summary(wanted), lambda: _show(wanted, str(path), dry=dry_run))


def _about(target: str | None, documents: int) -> str | None:
    if target is None:
        return None
    if documents != 1:
        raise Malformed(f"--target {target} names what one document is about, and there are {documents}")
    try:
        return stub(target).artifact
    except Nameless as error:
        raise Malformed(f"--target: {error}") from None


@contextmanager
def _reported(report: Path | None, wanted: Import) -> Iterator[None]:
    """Write the report however the import ends: what was reached by then is in it."""
    if report is None:
        yield
        return
    with report.open("wb") as file:  # now, so that nothing is done where it cannot be told
        try:
            yield
        finally:
            for place, one in enumerate(wanted.found):
                outcome = wanted.outcomes.get(place)
                line: dict[str, Json] = {
                    "record": one.record.place,
                    "artifact": one.record.claim.artifact if isinstance(one.record, Read) else None,
                    "outcome": "not reached" if outcome is None else outcome.state,
                    "reason": outcome.why.sentence
                    if outcome is not None and outcome.why is not None
                    else None,
                    "remarks": [remark.sentence for remark in one.record.remarks],
                }
                file.write(canonical.encode(line) + b"\n")


def _counts(wanted: Import) -> dict[State, int]:
    found = Counter(one.state for one in wanted.outcomes.values())
    return {state: found[state] for state in get_args(State)}


def _refusals(wanted: Import) -> Iterator[tuple[str, Reason]]:
    for place, one in sorted(wanted.outcomes.items()):
        if one.why is not None:
            yield wanted.found[place].record.place, one.why


def _remarks(wanted: Import) -> Iterator[tuple[str, Reason]]:
    for one in wanted.found:
        for remark in one.record.remarks:
            yield one.record.place, remark


def _grouped(reasons: Iterable[tuple[str, Reason]]) -> list[tuple[str, int, list[str]]]:
    """Return each kind of reason with its number and some examples, the most frequent first."""
    found: dict[str, list[str]] = defaultdict(list)
    for place, reason in reasons:
        found[reason.gist].append(f"{place}: {reason.sentence}")
    ordered = sorted(found.items(), key=lambda one: (-len(one[1]), one[0]))
    return [(gist, len(all_), all_[:_EXAMPLES]) for gist, all_ in ordered]


def _summary(wanted: Import) -> Json:
    def listed(reasons: Iterable[tuple[str, Reason]]) -> Json:
        return [
            {"reason": gist, "count": count, "examples": list(some)}
            for gist, count, some in _grouped(reasons)
        ]

    counts = _counts(wanted)
    return {
        "records": len(wanted.found),
        "outcomes": {state.replace(" ", "_"): count for state, count in counts.items()},
        "refused": listed(_refusals(wanted)),
        "remarks": listed(_remarks(wanted)),
        "entries": list(wanted.entries),
    }


def _show(wanted: Import, path: str, *, dry: bool) -> None:
    out.print(f"[bold]{escape(path)}[/]  {counted(len(wanted.found), 'record')}", soft_wrap=True)
    for state, count in _counts(wanted).items():
        out.print(f"  {state:16} {count:>9}")
    for head, reasons in (("refused, since it", _refusals(wanted)), ("remarked, since it", _remarks(wanted))):
        for gist, count, examples in _grouped(reasons):
            out.print(f"{head} {escape(gist)}: {count}", soft_wrap=True)
            for one in examples:
                out.print(f"  {escape(one)}", soft_wrap=True)
    if dry:
        out.print("nothing was logged: this was a dry run")
    elif wanted.entries:
        first, last = wanted.entries[0], wanted.entries[-1]
        which = f"entry {first}" if first == last else f"entries {first} to {last}"
        out.print(f"claimed in {counted(len(wanted.entries), 'statement')}, {which}")
    else:
        out.print("nothing new: the log is what it was")
