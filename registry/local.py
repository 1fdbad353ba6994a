"""Answers from this home's store.

networkx is loaded by the answers that need it: it takes a quarter of a second, and a merge never asks them.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from lineage.compared import graded
from lineage.licensing import judge
from lineage.rebuilders import rebuilders
from lineage.status import Policy
from lineage.subjects import Pedigree, Scope, narrowed
from lineage.verdict import assess
from registry import exports
from registry.answers import EdgeOut, LineageOut, VerdictOut, WhyOut
from registry.incidents import IncidentOut
from registry.licensed import LicenseOut, UseOut
from registry.outcomes import RebuilderOut, RebuildersOut
from registry.relatives import Direction, relatives
from registry.selected import EVERYTHING, SelectionOut
from registry.settings import Clock
from registry.store import (
    Absent,
    artifacts,
    flagging,
    lineage,
    log,
    redaction,
    refs,
    said,
    subjects,
    verdicts,
)
from registry.store.bundles import bundles
from registry.store.engine import Database
from signing.errors import Refused

# What is put together for somebody else at once: the lineage of a large merge has a hundredth of it.
MOST_BYTES = 64 << 20


class Local:
    """Answers questions from one database, each in one read transaction over one connection."""

    def __init__(
        self,
        store: Database,
        clock: Clock,
        most: int | None = None,
        meaning: Callable[[Connection, str], str] = refs.resolve,
        *,
        stops: bool = False,
    ) -> None:
        """Answer from `store`; beyond `most` artifacts a list of descendants is cut, and says so.

        `meaning` says which artifact a reference means: whoever asks from elsewhere means no folder of this machine. By a policy
        that `stops` them, incidents go no further than where a status says that they do not affect an artifact.
        """
        self._store = store
        self._clock = clock
        self._most = most
        self._meaning = meaning
        self._stops = stops

    def resolve(self, ref: str) -> str:
        """Return the artifact id that `ref` means."""
        with self._store.reading() as connection:
            return self._meaning(connection, ref)

    def verdict(self, ref: str) -> VerdictOut:
        """Return everything about an artifact."""
        with self._store.reading() as connection:
            around = lineage.around(connection, self._meaning(connection, ref))
            return VerdictOut.of(assess(around, self._policy()))

    def license(self, ref: str, asked: UseOut, card: str | None = None) -> LicenseOut:
        """Return what the licenses in the lineage of an artifact say about a use of it, and about what its card shows."""
        with self._store.reading() as connection:
            around = lineage.around(connection, self._meaning(connection, ref))
        names = {node.id: node.names for node in around.nodes}
        asked.check_gone(around.artifact, names.keys())
        return LicenseOut.of(judge(around, asked.use(), asked.seen(card), now=self._clock()), asked, names)

    def ancestors(self, ref: str, asked: SelectionOut = EVERYTHING) -> LineageOut:
        """Return what an artifact is made of, as far as it is asked for."""
        with self._store.reading() as connection:
            return relatives(
                connection, self._meaning(connection, ref), "ancestors", asked, self._policy(), self._most
            )

    def descendants(self, ref: str, asked: SelectionOut = EVERYTHING) -> LineageOut:
        """Return what is made of an artifact, as far as it is asked for."""
        with self._store.reading() as connection:
            return relatives(
                connection, self._meaning(connection, ref), "descendants", asked, self._policy(), self._most
            )

    def export(self, ref: str, form: str, scope: Scope, asked: SelectionOut = EVERYTHING) -> str:
        """Return an artifact with its relatives within `scope`, as far as they are asked for, as a document of this form."""
        directions: tuple[Direction, ...] = ("ancestors", "descendants") if scope == "both" else (scope,)
        with self._store.reading() as connection:
            artifact = self._meaning(connection, ref)
            subject = subjects.pedigree(connection, artifact, scope, self._most)
            if asked != EVERYTHING:
                found = [
                    relatives(connection, artifact, one, asked, self._policy(), self._most)
                    for one in directions
                ]
                listed = {one.artifact for answer in found for one in answer.relatives}
                subject = narrowed(subject, listed, asked.selection().walks)
        return exports.formats(Pedigree)[form].text(subject)

    def why(self, ancestor: str, descendant: str) -> WhyOut:
        """Return how one artifact descends from another."""
        from lineage.graph import Slice  # noqa: PLC0415 - see the module's docstring

        with self._store.reading() as connection:
            above = self._meaning(connection, ancestor)
            around = lineage.around(connection, self._meaning(connection, descendant))
        found = Slice(graded(around)).why(above, around.artifact)
        return WhyOut(
            ancestor=above,
            descendant=around.artifact,
            paths=str(found.paths) if found else "0",
            witness=found.witness if found else (),
            names={node.id: node.names for node in around.nodes},
            edges=tuple(map(EdgeOut.of, found.edges)) if found else (),
            as_of=around.size,
            complete=around.complete,
        )

    def incidents(self) -> tuple[IncidentOut, ...]:
        """Return every incident, oldest first."""
        with self._store.reading() as connection:
            return tuple(map(IncidentOut.of, flagging.incidents(connection)))

    def rebuilders(self) -> RebuildersOut:
        """Return how the verdicts of each rebuilder compare with the others'."""
        with self._store.reading() as connection:
            tally, size = verdicts.tally(connection), log.size(connection)
        return RebuildersOut(rebuilders=tuple(map(RebuilderOut.of, rebuilders(tally))), as_of=size)

    def bundles(self, artifact: str) -> tuple[bytes, ...]:
        """Return the encoded bundles of every entry that says what the artifact is and how it was made."""
        with self._store.reading() as connection:
            artifacts.registered(connection, artifact)
            listed = artifacts.registrations(connection, artifact)
            readable = [one for one in listed if log.read(connection, one).envelope is not None]
            if not readable:
                raise Absent(
                    f"what registers {artifact} was removed under an order; its leaf and proof remain"
                )
            builds = artifacts.builds(connection, artifact)
            readable[1:] = [one for one in builds if log.read(connection, one).envelope is not None]
            return tuple(log.bundle(connection, index).encode() for index in dict.fromkeys(readable))

    def bundle(self, ref: str, *, ancestors: bool) -> tuple[bytes, ...]:
        """Return, as encoded bundles, everything said of an artifact, and of its ancestors if asked: the trusted roots first.

        Entries that count no longer are left out; of those whose payload was removed there is the redaction.
        """
        with self._store.reading() as connection:
            artifact = self._meaning(connection, ref)
            nodes = lineage.around(connection, artifact).nodes if ancestors else ()
            found = said.entries(connection, {artifact, *(node.id for node in nodes)})
            if not found:
                raise Absent(f"nothing is said of {artifact} in this log")
            roots = said.roots(connection)
            found = tuple(sorted({*found, *redaction.by(connection, found)}))
            covered = log.covered(connection)
            wanted = [index for index in dict.fromkeys((*roots, *found)) if index < covered]
            lines, size = list[bytes](), 0
            for one in bundles(connection, wanted):
                lines.append(one.encode())
                size += len(lines[-1])
                if self._most is not None and size > MOST_BYTES:
                    raise Refused(
                        f"what is said of {artifact} has more than {MOST_BYTES} bytes in {len(wanted)} entries; ask for"
                        " each artifact by itself, without its ancestors"
                    )
        return tuple(lines)

    def _policy(self) -> Policy:
        return Policy(self._clock(), self._stops)
