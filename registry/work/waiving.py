"""Accept what licenses come to, for names of one's own and until a day, and shut or open the gate that asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from lineage.facts import Waived
from lineage.finding import Finding
from lineage.licenses import discovered
from lineage.licensing import case_of, findings
from lineage.predicates import license_gate, waiver
from registry.home import Home
from registry.store import gate, lineage, refs
from registry.store.log import Receipt
from registry.work.add import naming
from signing.errors import Malformed, Refused


@dataclass(frozen=True, slots=True)
class Accepting:
    """What was accepted about an artifact for names in `namespace`, with the receipts of that."""

    artifact: str
    namespace: str
    findings: tuple[Finding, ...]
    receipts: tuple[Receipt, ...]


def waive(
    home: Home,
    ref: str,
    rule: str,
    until: int,
    reason: str,
    *,
    name: str | None = None,
    origin: str | None = None,
) -> Accepting:
    """Sign, as this home's publisher, that every conflict which `rule` finds about an artifact now is accepted `until` then.

    It is accepted for names in the namespace of `name`, which the artifact has or is to have; without it, of its newest name.
    `origin`, an artifact or a license, leaves out what comes from elsewhere. Raises `Refused` where there is no such conflict.
    """
    now = home.now()
    if until < now:
        raise Malformed(f"a waiver until {until}, in unix seconds, has ended already: it is {now}")
    with home.store.reading() as connection:
        around = lineage.bare(connection, refs.resolve(connection, ref))
        wanted = None if origin is None else _meant(connection, origin)
    names = next(node.names for node in around.nodes if node.id == around.artifact)
    called = name or next(iter(names), None)
    if called is None:
        raise Malformed(f"{ref} has no name: say by --name NAMESPACE/NAME for whose names that is accepted")
    naming(home, around.artifact, called)  # what could name nothing is refused here
    case, _ = case_of(around)
    told = findings(case.only(called))
    conflicts = [one for one in told if one.decides == "conflict" and one.kind == rule]
    found = {
        (one.license, one.origin): one
        for one in conflicts
        if wanted is None or wanted in (one.license, one.origin)
    }
    if not found:
        brought = "" if origin is None else f" that {origin} brings in"
        raise Refused(
            f"{rule} finds no conflict{brought} about {around.artifact} as {called}, so there is nothing to waive;"
            f" `studbook license {ref}` says what is found"
        )
    namespace = called.partition("/")[0]
    statements = [
        waiver.statement(
            Waived(around.artifact, rule, one.origin, one.license, namespace, reason, until), now
        )
        for one in found.values()
    ]
    return Accepting(
        around.artifact, namespace, tuple(found.values()), tuple(home.say("publisher", *statements))
    )


def decide(home: Home, reason: str, *, shut: bool) -> Receipt:
    """Sign that the license gate of this home's log is shut, or open, from now on; refuse what is so already."""
    with home.store.reading() as connection:
        before = gate.decision(connection)
    if before.shut == shut:
        since = "and was never open" if before.index is None else f"since entry {before.index}"
        raise Refused(f"the license gate is {'shut' if shut else 'open'} already, {since}")
    return home.say("publisher", license_gate.statement(home.root().origin, reason, home.now(), shut=shut))[0]


def _meant(connection: Connection, origin: str) -> str:
    """Return the artifact that a word for an origin means, or the word where it is a license."""
    return origin if origin in discovered() else refs.resolve(connection, origin)
