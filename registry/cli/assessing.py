"""The command that says what an incident means for one artifact: incident status."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape

from lineage.assessed import JUSTIFICATIONS, STATUSES, Assessed, Justification, Status
from lineage.predicates import incident_status
from registry.cli.incidents import Which, named
from registry.cli.selecting import completing
from registry.cli.session import HomeOption, JsonOption, called, home_at, out, say
from registry.selected import moment
from registry.store import Absent, flagging, lineage, refs
from signing.canonical import Json
from signing.errors import Malformed

app = typer.Typer()


@app.command()
def status(
    which: Which,
    artifact: Annotated[str, typer.Argument(metavar="REF", help="An artifact that the incident reaches.")],
    means: Annotated[
        str,
        typer.Argument(
            metavar="STATUS", autocompletion=completing(STATUSES), help=f"One of {', '.join(STATUSES)}."
        ),
    ],
    note: Annotated[str, typer.Option(help="What was found, in one line.")],
    justification: Annotated[
        str | None,
        typer.Option(
            autocompletion=completing(JUSTIFICATIONS),
            help=f"Why it is not affected: {', '.join(JUSTIFICATIONS)}.",
        ),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN", help="Until when it is not affected: 2027-01-31, or a time with its zone."
        ),
    ] = None,
    corrected: Annotated[
        str | None,
        typer.Option(
            metavar="REF", help="Where it is fixed: the artifact to take instead, which supersedes it."
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say, by the security key, what an incident means for one artifact; it is shown beside the flag, and takes none away."""
    found, why = _status(means), _justification(justification)
    opened = home_at(home)
    incident = named(opened, which)
    with opened.store.reading() as connection:
        about = refs.resolve(connection, artifact)
        instead = None if corrected is None else refs.resolve(connection, corrected)
        if about not in flagging.flagged(connection, incident.id):
            raise Absent(
                f"incident {incident.id[:12]} does not reach {about}, so nothing is to be said of that"
            )
        names = next(node.names for node in lineage.around(connection, about).nodes if node.id == about)
    until = None if expires is None else _until(expires)
    said = Assessed(about, incident.id, found, why, until, instead, note)
    receipt = opened.say("security", incident_status.statement(said, opened.now()))[0]
    title = called(about, names)
    value: Json = {
        "incident": incident.id,
        "artifact": about,
        "status": found,
        "expires": until,
        "index": receipt.index,
    }
    say(
        as_json,
        value,
        lambda: out.print(
            f"incident {incident.id[:12]}: {escape(title)} is {found.replace('_', ' ')}, entry {receipt.index}",
            soft_wrap=True,
        ),
    )


def _status(text: str) -> Status:
    for one in STATUSES:
        if one == text:
            return one
    raise Malformed(f"{text!r} is no status; choose one of {', '.join(STATUSES)}")


def _justification(text: str | None) -> Justification | None:
    for one in JUSTIFICATIONS:
        if one == text:
            return one
    if text is None:
        return None
    raise Malformed(f"{text!r} is no justification; choose one of {', '.join(JUSTIFICATIONS)}")


def _until(said: str) -> int:
    """Return the unix seconds that a word for a time means; of a day it is the beginning, in UTC."""
    found = moment(said)
    if found is not None and found.of == "time":
        return found.value
    try:
        return int(datetime.strptime(said, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise Malformed(
            f"{said!r} is no time: write 2027-01-31, unix seconds, or 2027-01-31T12:00:00Z with its zone"
        ) from None
