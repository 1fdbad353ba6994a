"""Fold the facts of one leaf into the tables: the only code that writes them, for the writer and for `fsck`.

Facts are folded in log order and nothing here looks at a clock or refuses: what may not become a leaf was refused
before (`judge`). The same statement may come again under other keys, as a new leaf: that leaf says who else signed and
folds no facts. Otherwise anybody could take one of two signatures off an old envelope, post it again, and so move a
name or a license back to what it was. `once` is asked by the writer and by `fsck` alike. Closure and flags are kept as 4-lineage, "Storage and speed"
and "Standing and incidents", say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, insert, select, text, update
from sqlmodel import SQLModel, col

from lineage.facts import (
    WEIGHTLESS,
    Built,
    Derived,
    Described,
    Fact,
    Kind,
    Licensed,
    Named,
    Rebuilt,
    Registered,
    Reported,
    Restaged,
    Rooted,
)
from lineage.standing import by_closure, flow
from registry.store import bounds
from registry.store.tail import Tail
from registry.tables import (
    Build,
    Edge,
    File,
    Incident,
    License,
    Manifest,
    Name,
    Node,
    Rebuild,
    Root,
    Stage,
    Target,
)
from signing import canonical

Values = dict[str, object]

# Written out once: building them anew for every statement costs the writer more than running them.
_NUMBERS = text("SELECT id, number FROM node WHERE id IN :some").bindparams(bindparam("some", expanding=True))
_NEXT = text("SELECT max(number) + 1 FROM node")
_REGISTER = text("""
    UPDATE node SET registered = :entry, publishers = :publishers WHERE number = :number AND registered IS NULL
""")
_INSERT_NODE, _INSERT_FILE, _INSERT_EDGE = insert(Node), insert(File), insert(Edge)
# Nothing is inserted for a pair that the closure holds already: everything that follows from it is there too.
_GROW = text("""
    INSERT INTO closure (ancestor, descendant, first)
    SELECT above.number, below.number, :entry
    FROM (SELECT ancestor AS number FROM closure WHERE descendant = :parent UNION ALL SELECT :parent) AS above,
         (SELECT descendant AS number FROM closure WHERE ancestor = :child UNION ALL SELECT :child) AS below
    WHERE NOT EXISTS (SELECT 1 FROM closure WHERE ancestor = :parent AND descendant = :child)
    ON CONFLICT DO NOTHING
""")
_REACHING = text("""
    SELECT incident.entry, incident.what, flag.artifact FROM flag JOIN incident ON incident.entry = flag.incident
    WHERE flag.artifact IN :parents ORDER BY incident.entry
""").bindparams(bindparam("parents", expanding=True))
# Where a kind flows along all weight-carrying edges and no other, the closure is its spread.
_FLAG_CLOSURE = text("""
    INSERT INTO flag (incident, artifact, first)
    SELECT :incident, descendant, :entry FROM closure WHERE ancestor = :artifact
    UNION SELECT :incident, :artifact, :entry
    ON CONFLICT DO NOTHING
""")
_FLAG_EDGES = text("""
    INSERT INTO flag (incident, artifact, first)
    WITH RECURSIVE reached (number) AS (
        SELECT :artifact
        UNION SELECT edge.child FROM edge JOIN reached ON edge.parent = reached.number
        WHERE edge.relation IN :flow
    )
    SELECT :incident, number, :entry FROM reached WHERE true ON CONFLICT DO NOTHING
""").bindparams(bindparam("flow", expanding=True))


def once(tail: Tail, entry: str, facts: Sequence[Fact]) -> Sequence[Fact]:
    """Return what the next leaf folds: `facts`, unless a leaf of the same statement stands already."""
    return () if tail.stands(entry) else facts


def fold(
    connection: Connection, index: int, entry: str, facts: Sequence[Fact], operators: Sequence[str]
) -> None:
    """Write what the statement of leaf `index`, with this entry id and said by `operators`, establishes."""
    numbers = _numbered(connection, index, _artifacts(facts))
    for seq, fact in enumerate(facts):
        at: Values = {"entry": index, "seq": seq}
        match fact:
            case Registered(artifact, files):
                _register(connection, index, numbers[artifact], files, operators)
            case Derived():
                continue  # all of a statement's edges at once, below
            case Reported():
                _report(connection, index, seq, numbers, fact)
            case Restaged(incident, stage, reason):
                _restage(connection, at, incident, stage, reason)
            case Rooted(version, document):
                connection.execute(insert(Root), {"version": version, "document": document, "entry": index})
            case Described() | Built() | Rebuilt() | Licensed() | Named():
                table, values = _claim(fact, entry)
                connection.execute(insert(table), at | {"artifact": numbers[fact.artifact]} | values)
    edges = [(seq, fact) for seq, fact in enumerate(facts) if isinstance(fact, Derived)]
    if edges:
        _derive(connection, index, numbers, edges)


def _claim(fact: Described | Built | Rebuilt | Licensed | Named, entry: str) -> tuple[type[SQLModel], Values]:
    """Return the table that holds facts like this one, and its row but for entry, seq and artifact."""
    match fact:
        case Described(_, manifest):
            return Manifest, {"sha256": manifest}
        case Built(_, recipe, manifest, builder):
            return Build, {"id": entry, "recipe": recipe, "manifest": manifest, "builder": builder}
        case Rebuilt(_, build, passed, verifier, differs):
            words = canonical.encode(differs).decode()
            return Rebuild, {"build": build, "passed": passed, "verifier": verifier, "differs": words}
        case Licensed(_, license_id):
            return License, {"license": license_id}
        case Named(name, revision, _):
            return Name, {"name": name, "folded": name.casefold(), "revision": revision}


def _artifacts(facts: Iterable[Fact]) -> list[str]:
    """Return the ids of all artifacts that `facts` name, each once, in their order."""
    found: dict[str, None] = {}
    for fact in facts:
        match fact:
            case Derived(child, parent):
                found |= {child: None, parent: None}
            case Reported(artifacts=artifacts):
                found |= dict.fromkeys(artifacts)
            case Restaged() | Rooted():
                continue
            case _:
                found[fact.artifact] = None
    return list(found)


def _numbered(connection: Connection, index: int, artifacts: Sequence[str]) -> dict[str, int]:
    """Return the number of each artifact, giving new ones the next numbers in the order they are named."""
    if not artifacts:
        return {}
    known = connection.execute(_NUMBERS, {"some": artifacts})
    numbers: dict[str, int] = {row.id: row.number for row in known}
    unknown = [artifact for artifact in artifacts if artifact not in numbers]
    if unknown:
        start = connection.scalar(_NEXT) or 0
        numbers |= {artifact: start + offset for offset, artifact in enumerate(unknown)}
        nothing = {"registered": None, "publishers": None, "ancestors": 0, "depth": 0}
        rows = [{"number": numbers[a], "id": a, "first": index} | nothing for a in unknown]
        connection.execute(_INSERT_NODE, rows)
    return numbers


def _register(
    connection: Connection,
    index: int,
    number: int,
    files: Iterable[tuple[str, str]],
    operators: Sequence[str],
) -> None:
    said = {"number": number, "entry": index, "publishers": " ".join(sorted(operators))}
    if connection.execute(_REGISTER, said).rowcount:
        rows = [{"artifact": number, "name": name, "sha256": sha256} for name, sha256 in files]
        connection.execute(_INSERT_FILE, rows)


def _derive(
    connection: Connection, index: int, numbers: Mapping[str, int], edges: Sequence[tuple[int, Derived]]
) -> None:
    rows = [
        {
            "entry": index,
            "seq": seq,
            "child": numbers[edge.child],
            "parent": numbers[edge.parent],
            "relation": edge.relation,
            "part": edge.part,
            "evidence": int(edge.evidence),
        }
        for seq, edge in edges
    ]
    connection.execute(_INSERT_EDGE, rows)
    bounds.grow(connection, dict.fromkeys(numbers[edge.child] for _, edge in edges))
    grown = [
        {"entry": index, "child": numbers[edge.child], "parent": numbers[edge.parent]}
        for _, edge in edges
        if edge.relation not in WEIGHTLESS
    ]
    if grown:
        connection.execute(_GROW, grown)
    parents = sorted({numbers[edge.parent] for _, edge in edges})
    reaching = connection.execute(_REACHING, {"parents": parents}).all()
    for _, edge in edges if reaching else ():
        for incident, what, parent in reaching:
            if parent == numbers[edge.parent] and edge.relation in flow(what):
                _flag(connection, incident, numbers[edge.child], index, what)


def _report(connection: Connection, index: int, seq: int, numbers: Mapping[str, int], fact: Reported) -> None:
    said = {"id": fact.incident, "what": fact.what, "severity": fact.severity, "stage": fact.stage}
    words = {"summary": fact.summary, "contact": fact.contact}
    connection.execute(insert(Incident), {"entry": index} | said | words)
    opened = {"incident": index, "stage": fact.stage, "reason": fact.summary}
    connection.execute(insert(Stage), {"entry": index, "seq": seq} | opened)
    for number in sorted({numbers[artifact] for artifact in fact.artifacts}):
        connection.execute(insert(Target), {"incident": index, "artifact": number})
        _flag(connection, index, number, index, fact.what)


def _flag(connection: Connection, incident: int, artifact: int, index: int, what: Kind) -> None:
    """Flag `artifact` and everything that an incident of this kind reaches from it."""
    values = {"incident": incident, "artifact": artifact, "entry": index}
    if by_closure(what):
        connection.execute(_FLAG_CLOSURE, values)
    else:
        connection.execute(_FLAG_EDGES, values | {"flow": sorted(flow(what))})


def _restage(connection: Connection, at: Values, incident: str, stage: str, reason: str) -> None:
    number = connection.scalar(select(col(Incident.entry)).where(col(Incident.id) == incident))
    connection.execute(insert(Stage), at | {"incident": number, "stage": stage, "reason": reason})
    connection.execute(update(Incident).where(col(Incident.entry) == number).values(stage=stage))
