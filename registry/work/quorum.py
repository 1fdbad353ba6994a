"""Quorums: state, as the registry, that independent rebuilders agree.

Everything is found in the log: which provenances have a quorum, and which of these were stated. So nothing can be lost; a
process that is killed between a verdict and its quorum, or never runs at all, is caught up with by the next one.
"""

from __future__ import annotations

from dataclasses import dataclass

from lineage.predicates import rebuild
from lineage.rebuilds import quorums
from registry.home import Home
from registry.store import tenure, verdicts
from signing import dsse


@dataclass(frozen=True, slots=True)
class Quorum:
    """Independent operators passed `build` (an entry id) of an artifact, and the registry says so as `entry`."""

    artifact: str
    build: str
    operators: tuple[str, ...]
    entry: str
    new: bool


def agree(home: Home) -> tuple[Quorum, ...]:
    """Log a statement for every quorum that stands, unless it is logged; return all that stand."""
    with home.store.reading() as connection:
        tally = verdicts.tally(connection)
    found = []
    for (artifact, build), votes in quorums(tally).items():
        said = rebuild.agreement(artifact, [vote.entry for vote in votes], tally.registry, votes[-1].time)
        entry = dsse.Envelope(dsse.IN_TOTO, said.encode(), ()).entry
        with home.store.reading() as connection:
            new = not tenure.leaves(connection, entry)
        if new:
            home.say("rebuilder", said)
        found.append(Quorum(artifact, build, tuple(vote.operator for vote in votes), entry, new))
    return tuple(found)
