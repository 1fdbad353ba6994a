"""How it is told what an incident means for one artifact."""

from __future__ import annotations

from rich.markup import escape

from registry.cli.session import moment, short
from registry.statuses import StatusOut

_COLOURS = {"not_affected": "yellow", "fixed": "green"}


def told(one: StatusOut) -> str:
    """Return a status in a few words."""
    words = one.status.replace("_", " ")
    if one.expires is None:
        return words
    return (
        f"{words}, expired {moment(one.expires)}" if one.expired else f"{words} until {moment(one.expires)}"
    )


def reasoned(one: StatusOut) -> str:
    """Return a status with its reason and whose word it is, as markup."""
    colour = "dim" if one.expired else _COLOURS.get(one.status, "red")
    how = f" ({one.justification})" if one.justification else ""
    instead = f", take {short(one.corrected)}" if one.corrected else ""
    whose = f"said by {', '.join(one.operators)} on {moment(one.time)}"
    return f"[{colour}]{told(one)}[/]{instead}{how}: {escape(f'{one.note}; {whose}')}"
