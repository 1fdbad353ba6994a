"""Have the payload of an entry removed under an order, by as many holders of the root as must sign that."""

from __future__ import annotations

from typing import Annotated

import typer

from lineage.removals import Redacted
from registry.cli.proposals import OutOption, YesOption, change
from registry.cli.session import HomeOption, JsonOption, home_at
from registry.store import Absent, log, redaction

app = typer.Typer()


@app.command()
def redact(
    entry: Annotated[str, typer.Argument(help="Index or id of the entry.")],
    order: Annotated[str, typer.Option(help="Who ordered it, under which reference; it is logged for ever.")],
    to: OutOption = None,
    yes: YesOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove an entry's payload for ever. Its leaf and proof stay, and what it was about becomes unknown.

    What others have fetched, mirrored or backed up is not reached by this. Where several operators must sign, --out writes
    the order for them: `studbook root sign` adds a signature, `studbook root submit` has it done.
    """
    opened = home_at(home)
    with opened.store.reading() as connection:
        indexes = log.named(connection, entry)
        if not indexes:
            raise Absent(f"{entry} is no entry of this log")
        left, which = redaction.left(connection, indexes[0]), log.read(connection, indexes[0]).entry
    change(opened, Redacted(which, order, left.encode().decode()), to, yes=yes, as_json=as_json)
