"""Import what others wrote: records in, claims signed and logged through the one write path, an outcome for every record out.

A record is `admitted`, or `admitted as stub` where it names a parent of which nothing is said here but its name, or `already
there` where this operator claims all of it in the log, or `refused` with the reason. What is logged stays logged however the
import ends, and the next one finds it there: nothing besides the log is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lineage.predicates import claims
from lineage.predicates.claims import Claim, Parent
from registry.arranged import acyclic, licensed, named, ordered, settled
from registry.home import Home
from registry.records import Read, Reason, Unread
from registry.store import claims as claimed
from registry.store.claims import Said
from registry.work.sources import Found, Source
from signing.errors import Malformed, Refused
from signing.statement import Statement

State = Literal["admitted", "admitted as stub", "already there", "refused"]
UNFIT = "does not fit the log"
# Statements that are logged together; each stays provable by itself.
_TOGETHER = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a record, and why if it was refused."""

    state: State
    why: Reason | None = None


@dataclass(frozen=True, slots=True)
class _Due:
    """What is still to be claimed of a record, by its place among all."""

    place: int
    source: Source
    claim: Claim
    state: State


@dataclass
class Import:
    """An import under way: every record with its source, and the outcomes so far, by the record's place."""

    found: list[Found]
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    entries: list[int] = field(default_factory=list)
    """Indexes of the log entries that it wrote."""


def arranged(home: Home, found: Sequence[Found]) -> Import:
    """Return an import of these records, with what the records and the log say of each other taken into account."""
    records = [one.record for one in found]
    with home.store.reading() as connection:
        adapters = claimed.adapters(connection, named(records))
    records = acyclic(licensed(settled(records, adapters)))
    return Import([Found(one.source, record) for one, record in zip(found, records, strict=True)])


def run(
    home: Home, wanted: Import, *, dry: bool = False, progress: Callable[[int], object] = lambda _: None
) -> None:
    """Claim what is not there yet, parents before children; `dry` tells what would be, as far as that is known without logging."""
    for place, one in enumerate(wanted.found):
        if isinstance(one.record, Unread):
            wanted.outcomes[place] = Outcome("refused", one.record.why)
    progress(len(wanted.outcomes))
    for group in _grouped(list(_due(home, wanted, progress))):
        if dry:
            wanted.outcomes |= {due.place: Outcome(due.state) for batch in group for due in batch}
        else:
            _log(home, wanted, group)
        progress(sum(map(len, group)))


def _due(home: Home, wanted: Import, progress: Callable[[int], object]) -> Iterator[_Due]:
    """Yield what is to be claimed, in order; what is there already is an outcome at once."""
    records = [one.record for one in wanted.found]
    whose = home.operator("publisher")
    keys = [key.public.id for key in home.root().keys if key.operator == whose]
    said = {place: one.claim for place, one in enumerate(records) if isinstance(one, Read)}
    children = {claim.artifact for claim in said.values()}
    with home.store.reading() as connection:
        there = claimed.by(connection, keys, children)
        known = children | claimed.described(connection, named(records) - children)
    for place in ordered(records):
        claim = _lacking(said[place], there.get(said[place].artifact, Said()))
        if claim is None:
            wanted.outcomes[place] = Outcome("already there")
            progress(1)
        else:
            yield _Due(place, wanted.found[place].source, claim, _state(said[place], known))


def _lacking(claim: Claim, said: Said) -> Claim | None:
    """Return what of a claim is not `said` yet, None if all of it is."""
    parents = tuple(
        one for one in claim.parents if (one.artifact, one.relation, one.spelled) not in said.parents
    )
    terms = None if claim.license == said.license else claim.license
    return Claim(claim.artifact, parents, terms) if parents or terms is not None else None


def _state(claim: Claim, known: Collection[str]) -> State:
    bare = any(parent.artifact not in known for parent in claim.parents)
    return "admitted as stub" if bare else "admitted"


def _grouped(due: Sequence[_Due]) -> Iterator[list[list[_Due]]]:
    """Yield groups of batches: a batch is one statement about one document, a group is logged together."""
    group: list[list[_Due]] = []
    size = 0
    for batch in _batches(due):
        if group and (len(group) == _TOGETHER or size + len(batch) > claims.MOST):
            yield group
            group, size = [], 0
        group.append(batch)
        size += len(batch)
    if group:
        yield group


def _batches(due: Sequence[_Due]) -> Iterator[list[_Due]]:
    batch: list[_Due] = []
    size = 0
    for one in due:
        full = len(batch) == claims.MOST or size + len(one.claim.parents) > claims.MOST_PARENTS
        if batch and (full or batch[0].source != one.source):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += len(one.claim.parents)
    if batch:
        yield batch


def _log(home: Home, wanted: Import, group: Sequence[list[_Due]]) -> None:
    """Log a group; if the log refuses it, halve it until what does not fit stands alone, and go on without that."""
    try:
        receipts = home.say_all([("publisher", _statement(batch, home.now())) for batch in group])
    except Refused as error:
        # A queue that is full or a key that may not speak is nobody's record's fault.
        if type(error) not in (Refused, Malformed):
            raise
        if len(group) > 1:
            halves = [group[: len(group) // 2], group[len(group) // 2 :]]
        elif len(group[0]) > 1:
            middle = len(group[0]) // 2
            halves = [[group[0][:middle]], [group[0][middle:]]]
        else:
            wanted.outcomes[group[0][0].place] = Outcome("refused", Reason(UNFIT, str(error)))
            return
        for half in halves:
            _log(home, wanted, half)
        return
    wanted.entries += [receipt.index for receipt in receipts]
    wanted.outcomes |= {due.place: Outcome(due.state) for batch in group for due in batch}


def _statement(batch: Sequence[_Due], issued: int) -> Statement:
    """Return what one document says, with everything of one artifact in one claim."""
    parents: dict[str, list[Parent]] = {}
    terms: dict[str, str | None] = {}
    for due in batch:
        claim = due.claim
        parents.setdefault(claim.artifact, []).extend(claim.parents)
        terms[claim.artifact] = claim.license or terms.get(claim.artifact)
    source = batch[0].source
    said = [Claim(artifact, tuple(found), terms[artifact]) for artifact, found in parents.items()]
    return claims.statement(source.name, source.sha256, said, issued)
