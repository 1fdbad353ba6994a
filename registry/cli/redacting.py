"""Remove the payload of an entry under an order, and say beforehand what will be gone."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from lineage import residue
from lineage.predicates import redaction as redaction_predicate
from registry.cli.session import Fails, HomeOption, JsonOption, err, home_at, kind_of, out, say
from registry.store import Absent, log, redaction
from signing.canonical import Json

app = typer.Typer()


@app.command()
def redact(
    entry: Annotated[str, typer.Argument(help="Index or id of the entry.")],
    order: Annotated[str, typer.Option(help="Who ordered it, under which reference; it is logged for ever.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove an entry's payload for ever. Its leaf and proof stay, and what it was about becomes unknown.

    What others have fetched, mirrored or backed up is not reached by this.
    """
    opened = home_at(home)
    with opened.store.reading() as connection:
        indexes = log.named(connection, entry)
        if not indexes:
            raise Absent(f"{entry} is no entry of this log")
        left, which = redaction.left(connection, indexes[0]), log.read(connection, indexes[0]).entry
        leaves = log.indexes(connection, which)
    about = residue.artifacts(left.facts)
    if not yes:
        err.print(
            f"entry {', '.join(map(str, leaves))}, a {kind_of(left.predicate_type)}, loses its words for ever"
        )
        for one in about:
            err.print(f"  {one} becomes unknown, and so does what is made of it")
        if not typer.confirm("remove it?", err=True):
            raise Fails
    (receipt,) = opened.say("root", redaction_predicate.statement(which, order, left))
    settled = opened.store.settle()

    def show() -> None:
        if not settled:
            err.print(
                f"{escape(str(opened.store.path))}-wal still holds the words, since another process reads it: once that is done,"
                " `studbook log fsck` clears it",
                soft_wrap=True,
            )
        out.print(
            f"entry {', '.join(map(str, leaves))} is redacted by entry {receipt.index}: {escape(order)}",
            soft_wrap=True,
        )

    value: Json = {
        "entry": which,
        "leaves": list(leaves),
        "redacted_by": receipt.index,
        "unknown": list(about),
        "settled": settled,
    }
    say(as_json, value, show)
