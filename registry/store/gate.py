"""The license gate: no name is bound to what contradicts its licenses, unless whoever owns the name accepts that (ADR 0048).

It is asked by whoever writes, once a group of statements is folded, and never by `fsck`: which rules there are and what they say
is no part of a log, so a binding that passed stays one when the rules are others. Whether the gate is shut is a logged decision.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from lineage.around import Around
from lineage.facts import Fact, Named
from lineage.finding import Finding
from lineage.licensing import case_of, findings
from lineage.waivers import Decision, newest, unwaived
from registry.store import artifacts, lineage
from registry.store.tenure import standing
from signing.errors import Refused

_DECIDED = text(f"""
    SELECT gate.shut, gate.reason, gate.entry, entry.time FROM gate JOIN entry ON entry."index" = gate.entry
    WHERE {standing("gate")} ORDER BY gate.entry DESC, gate.seq DESC LIMIT 1
""")
_SHUT = text(f"SELECT shut FROM gate WHERE {standing('gate')} ORDER BY entry DESC, seq DESC LIMIT 1")


class Contradicted(Refused):
    """A name was to be bound to something whose licenses contradict each other, and nobody who may accept that did."""


def decision(connection: Connection) -> Decision:
    """Return the decision about the gate that holds now."""
    row = connection.execute(_DECIDED).first()
    return Decision(shut=True) if row is None else Decision(bool(row.shut), row.reason, row.entry, row.time)


def is_shut(connection: Connection) -> bool:
    """Tell whether names are held to what the licenses say."""
    found = connection.scalar(_SHUT)
    return found is None or bool(found)


def check(connection: Connection, folded: Sequence[Fact], size: int, time: int) -> None:
    """Refuse the bindings among facts that were just folded, all of one group, if nobody accepts at `time` what they come to.

    `size` is how many entries the log had before the group.
    """
    bound: dict[str, list[str]] = {}
    for fact in folded:
        if isinstance(fact, Named):
            bound.setdefault(fact.artifact, []).append(fact.name)
    if not bound or not is_shut(connection):
        return
    for artifact, names in bound.items():
        around = lineage.bare(connection, artifact)
        if len(around.nodes) == 1:
            continue  # it inherits nothing that it could contradict
        case, _ = case_of(around)
        for name in dict.fromkeys(names):
            found = against(around, findings(case.only(name)), name, time)
            if found:
                registered = artifacts.registered(connection, artifact) < size
                raise Contradicted(refusal(around, found, name, registered=registered))


def against(around: Around, found: Sequence[Finding], name: str, time: int) -> tuple[Finding, ...]:
    """Return what stands against binding `name` to the artifact of a slice: the conflicts that the owner of the name does not accept."""
    mine = newest(one for one in around.waivers if one.fact.artifact == around.artifact)
    return unwaived(found, mine, name.partition("/")[0], time)


def refusal(around: Around, found: Sequence[Finding], name: str, *, registered: bool) -> str:
    """Return the sentence that refuses a binding because of what was found, the nearest told whole."""
    called = {node.id: next(iter(node.names), node.id) for node in around.nodes} | {around.artifact: name}
    worst = min(found, key=lambda one: (len(one.via), one.kind))
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    way = " → ".join(called[one] for one in worst.via)
    first = "" if registered else "register it without a name, then "
    accepts = (
        f"`studbook license waive {around.artifact} {worst.kind} --name {name} --until WHEN --reason TEXT`"
    )
    return (
        f"{name} is not bound to {around.artifact}, whose licenses contradict each other: {worst.kind}: {worst.sentence},"
        f" by way of {way}, from {worst.origin}{more}; {first}{accepts} accepts that until then"
    )
