"""What is said of artifacts: evaluations, foreign statements and claims of one, and the entries that say anything of several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, TextClause, text

from lineage import authority
from lineage.around import Said
from lineage.assessed import Assessed
from lineage.authority import TrustedRoot
from lineage.checks import Attested, Compared, Evaluated
from lineage.facts import Claimed, Corrected, Waived, is_stub
from lineage.incidents import Disputed
from lineage.predicates import claims as claiming
from lineage.predicates import dispute, evaluation, incident_status, parentage, supersession, waiver
from registry.store import log, trust
from registry.store.lists import asking, parts
from registry.store.tenure import counting, standing
from signing.statement import Statement

_Fact = TypeVar("_Fact", Evaluated, Attested, Claimed, Corrected, Compared, Assessed, Waived, Disputed)

_OF = """
    SELECT said.*, entry.time, entry.id, entry.keys FROM {0} AS said
    JOIN entry ON entry."index" = said.entry JOIN node ON node.number = said.artifact
    WHERE node.id = :artifact AND {1} ORDER BY said.entry, said.seq
"""
_EVALUATIONS = text(_OF.format("evaluation", counting("said")))
_ATTESTATIONS = text(_OF.format("attestation", counting("said")))
_CLAIMS = text(_OF.format("license", counting("said")))

# One look into an index for each end: asked whether it is the one or the other, SQLite goes through all corrections.
_CORRECTIONS = text(f"""
    SELECT said.entry, said.seq, entry.time, entry.id, entry.keys, new.id AS artifact, old.id AS earlier FROM (
        SELECT said.entry, said.seq, said.artifact, said.earlier FROM node JOIN correction AS said ON said.artifact = +node.number
        WHERE node.id = :artifact AND {counting("said")}
        UNION SELECT said.entry, said.seq, said.artifact, said.earlier FROM node JOIN correction AS said ON said.earlier = +node.number
        WHERE node.id = :artifact AND {counting("said")}
    ) AS said JOIN entry ON entry."index" = said.entry
    JOIN node AS new ON new.number = said.artifact JOIN node AS old ON old.number = said.earlier
    ORDER BY said.entry, said.seq
""")

_COMPARISONS = asking(f"""
    SELECT said.entry, said.seq, said.outcome, said.statistic, said.value, said.threshold, entry.time, entry.id, entry.keys,
           child.id AS artifact, parent.id AS parent
    FROM comparison AS said JOIN entry ON entry."index" = said.entry
    JOIN node AS child ON child.number = said.artifact JOIN node AS parent ON parent.number = said.parent
    WHERE said.artifact IN :some AND {counting("said")} ORDER BY said.entry, said.seq
""")

_ASSESSED = f"""
    SELECT said.entry, said.seq, said.incident, said.status, said.justification, said.expires, said.note, entry.time, entry.id,
           entry.keys, here.id AS artifact, new.id AS corrected
    FROM assessment AS said JOIN entry ON entry."index" = said.entry JOIN node AS here ON here.number = said.artifact
    LEFT JOIN node AS new ON new.number = said.corrected
    WHERE said.{{0}} IN :some AND {counting("said")} ORDER BY said.entry, said.seq
"""
_ASSESSED_ON = asking(_ASSESSED.format("artifact"))
_ASSESSED_OF = asking(_ASSESSED.format("incident"))
_WAIVERS = asking(f"""
    SELECT said.*, entry.time, entry.id, entry.keys, node.id AS about
    FROM waiver AS said JOIN entry ON entry."index" = said.entry JOIN node ON node.number = said.artifact
    WHERE said.artifact IN :some AND {counting("said")} ORDER BY said.entry, said.seq
""")
_DISPUTES = asking(f"""
    SELECT said.entry, said.seq, said.incident, said.text, said.evidence, entry.time, entry.id, entry.keys, node.id AS artifact
    FROM dispute AS said JOIN entry ON entry."index" = said.entry JOIN node ON node.number = said.artifact
    WHERE said.incident IN :some AND {counting("said")} ORDER BY said.entry, said.seq
""")

# Every table that is folded from statements about an artifact, with its column for which.
_ABOUT = (
    ("registration", "artifact"),
    ("manifest", "artifact"),
    ("containment", "artifact"),
    ("assessment", "artifact"),
    ("build", "artifact"),
    ("edge", "child"),
    ("license", "artifact"),
    ("waiver", "artifact"),
    ("mention", "artifact"),
    ("name", "artifact"),
    ("rebuild", "artifact"),
    ("agreement", "artifact"),
    ("comparison", "artifact"),
    ("dispute", "artifact"),
    ("correction", "artifact"),
    ("correction", "earlier"),
    ("evaluation", "artifact"),
    ("attestation", "artifact"),
)
_SELECT = "SELECT {0}.entry FROM {0} JOIN node ON node.number = {0}.{1} WHERE node.id IN :some AND {2}"
_INCIDENTS = f"""
    SELECT incident.entry FROM incident JOIN target ON target.incident = incident.entry JOIN node ON node.number = target.artifact
    WHERE node.id IN :some AND {standing("incident")}
    UNION
    SELECT incident.entry FROM incident JOIN selected ON selected.incident = incident.id JOIN node ON node.number = selected.artifact
    WHERE node.id IN :some AND {standing("incident")} AND {standing("selected")}
"""
_CHANGES = tuple(
    f"SELECT {table}.entry FROM {table} JOIN incident ON incident.id = {table}.incident WHERE {standing(table)}"
    for table in ("stage", "amendment", "dispute", "embargo")
)
# Whoever disputes speaks for what it registered, and that is proven by the registration.
_DISPUTING = f"""
    SELECT registration.entry FROM registration JOIN dispute ON dispute.artifact = registration.artifact
    JOIN incident ON incident.id = dispute.incident
    WHERE {standing("registration")} AND {standing("dispute")} AND incident.entry IN ({_INCIDENTS})
"""
# Its child is the stub that it is.
_SAME = f"""
    SELECT edge.entry FROM edge JOIN node ON node.number = edge.parent
    WHERE node.id IN :some AND edge.relation = 'same_as' AND {standing("edge")}
"""
_ENTRIES = asking(
    " UNION ".join(
        [
            _SAME,
            *(_SELECT.format(table, column, standing(table)) for table, column in _ABOUT),
            _INCIDENTS,
            _DISPUTING,
            *(f"{changes} AND incident.entry IN ({_INCIDENTS})" for changes in _CHANGES),
        ]
    )
)
# The same statement under other keys folds nothing, and says who else signed.
_SECONDED = asking("""
    SELECT other."index" FROM entry JOIN entry AS other ON other.id = entry.id
    LEFT JOIN tenure ON tenure.entry = other."index"
    WHERE entry."index" IN :some AND tenure.until IS NULL
""")
_ROOTS = text("SELECT entry FROM root ORDER BY version")


def evaluations(connection: Connection, artifact: str, size: int) -> tuple[Said[Evaluated], ...]:
    """Return what was measured on the artifact itself, as of the first `size` entries, oldest first."""
    root = trust.root(connection, size)
    return tuple(
        _said(
            root,
            row,
            evaluation.URI,
            Evaluated(artifact, row.result, row.suite, row.runner, row.metric, row.value, row.n, row.seed),
        )
        for row in connection.execute(_EVALUATIONS, {"artifact": artifact, "size": size})
    )


def attestations(connection: Connection, artifact: str, size: int) -> tuple[Said[Attested], ...]:
    """Return what was said of the artifact in types that nobody here reads, as of the first `size` entries."""
    root = trust.root(connection, size)
    return tuple(
        _said(root, row, row.type, Attested(artifact, row.type, row.digest))
        for row in connection.execute(_ATTESTATIONS, {"artifact": artifact, "size": size})
    )


def claims(connection: Connection, artifact: str, size: int) -> tuple[Said[Claimed], ...]:
    """Return the licenses that others say a stub has, as of the first `size` entries; of what is registered only its publisher says."""
    if not is_stub(artifact):
        return ()
    root = trust.root(connection, size)
    return tuple(
        _said(root, row, claiming.URI, Claimed(artifact, row.license))
        for row in connection.execute(_CLAIMS, {"artifact": artifact, "size": size})
    )


def corrections(
    connection: Connection, artifact: str, size: int | None = None
) -> tuple[Said[Corrected], ...]:
    """Return what the artifact supersedes and what supersedes it, as of the first `size` entries, oldest first."""
    at = log.size(connection) if size is None else size
    root = trust.root(connection, at)
    return tuple(
        _said(root, row, supersession.URI, Corrected(row.artifact, row.earlier))
        for row in connection.execute(_CORRECTIONS, {"artifact": artifact, "size": at})
    )


def comparisons(connection: Connection, numbers: Iterable[int], size: int) -> tuple[Said[Compared], ...]:
    """Return what comparing weights says of the artifacts with these numbers and their parents, as of the first `size` entries."""
    root = trust.root(connection, size)
    return tuple(
        _said(
            root,
            row,
            parentage.URI,
            Compared(row.artifact, row.parent, row.outcome, row.statistic, row.value, row.threshold),
        )
        for some in parts(numbers)
        for row in connection.execute(_COMPARISONS, {"some": some, "size": size})
    )


def assessed(connection: Connection, numbers: Iterable[int], size: int) -> tuple[Said[Assessed], ...]:
    """Return what incidents were found to mean for the artifacts with these numbers, as of the first `size` entries, oldest first."""
    return _assessed(connection, _ASSESSED_ON, numbers, size)


def assessed_of(connection: Connection, incidents: Iterable[str], size: int) -> tuple[Said[Assessed], ...]:
    """Return what the incidents with these ids were found to mean, as of the first `size` entries, oldest first."""
    return _assessed(connection, _ASSESSED_OF, incidents, size)


def _assessed(
    connection: Connection, query: TextClause, some: Iterable[int | str], size: int
) -> tuple[Said[Assessed], ...]:
    root = trust.root(connection, size)
    rows = [row for part in parts(some) for row in connection.execute(query, {"some": part, "size": size})]
    return tuple(
        _said(
            root,
            row,
            incident_status.URI,
            Assessed(
                row.artifact,
                row.incident,
                row.status,
                row.justification,
                row.expires,
                row.corrected,
                row.note,
            ),
        )
        for row in sorted(rows, key=lambda row: (row.entry, row.seq))
    )


def waivers(connection: Connection, numbers: Iterable[int], size: int) -> tuple[Said[Waived], ...]:
    """Return what is accepted about the artifacts with these numbers, as of the first `size` entries, oldest first; ended ones too."""
    root = trust.root(connection, size)
    found = [
        (
            (row.entry, row.seq),
            _said(
                root,
                row,
                waiver.URI,
                Waived(row.about, row.rule, row.origin, row.license, row.namespace, row.reason, row.expires),
            ),
        )
        for some in parts(numbers)
        for row in connection.execute(_WAIVERS, {"some": some, "size": size})
    ]
    return tuple(one for _, one in sorted(found, key=lambda one: one[0]))


def disputes(
    connection: Connection, incidents: Iterable[str], size: int
) -> dict[str, tuple[Said[Disputed], ...]]:
    """Return what is said against each of `incidents` (ids), as of the first `size` entries, oldest first; of most, nothing."""
    rows = [
        row
        for some in parts(incidents)
        for row in connection.execute(_DISPUTES, {"some": some, "size": size})
    ]
    root = trust.root(connection, size) if rows else None
    found: dict[str, tuple[Said[Disputed], ...]] = {}
    for row in rows:
        fact = Disputed(row.incident, row.artifact, row.text, row.evidence)
        found[row.incident] = (*found.get(row.incident, ()), _said(root, row, dispute.URI, fact))
    return found


def _said(root: TrustedRoot | None, row: Row[Any], uri: str, fact: _Fact) -> Said[_Fact]:
    """Return a fact with the operators that said it then: by the version of the trusted root in force, since keys end in the past."""
    operators = authority.check(root, Statement((), uri, {}), (fact,), row.keys.split(), row.time)
    return Said(fact, operators, row.time, row.id)


def entries(connection: Connection, artifacts: Iterable[str]) -> tuple[int, ...]:
    """Return the entries that say anything of any of `artifacts` and count: incidents that name them too, their changes, and who disputes them."""
    first = {index for part in parts(artifacts) for index in connection.scalars(_ENTRIES, {"some": part})}
    seconded = {index for part in parts(first) for index in connection.scalars(_SECONDED, {"some": part})}
    return tuple(sorted(first | seconded))


def roots(connection: Connection) -> tuple[int, ...]:
    """Return the entries that bring the versions of the trusted root into force, oldest first."""
    return tuple(connection.scalars(_ROOTS))
