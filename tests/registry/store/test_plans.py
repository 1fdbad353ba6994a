"""Nothing that a write or an answer does walks through a table: the log may have two million entries."""

import pytest
from sqlalchemy import event, text
from world import World

from lineage.predicates import claims, name
from lineage.predicates import redaction as redacting
from lineage.predicates.claims import Claim, Parent
from lineage.status import Policy
from registry.store import (
    Absent,
    artifacts,
    descent,
    flagging,
    lineage,
    log,
    places,
    redaction,
    refs,
    said,
    subjects,
    tiles,
    tree,
    verdicts,
)
from registry.store import claims as claimed
from registry.store.descent import Cursor
from registry.store.recorded import recorded

# Read whole on purpose: a row an incident, an attribute that it selects by, or an order.
SMALL = {"incident", "selector", "redaction", "alembic_version"}


@pytest.fixture
def story(world: World) -> World:
    base = world.model(name="kennel/base", license="mit")
    child = world.model(base)
    world.report(base, "compromised")
    world.report(base, "license")
    world.model(child)
    return world


def plans(world: World, action: object) -> dict[str, list[str]]:
    """Return SQLite's plan of every statement that `action` runs."""
    seen: dict[str, object] = {}

    def note(
        _connection: object, _cursor: object, statement: str, parameters: object, *_rest: object
    ) -> None:
        seen.setdefault(statement, parameters)

    engine = world.home.store._engine
    event.listen(engine, "before_cursor_execute", note)
    action()
    event.remove(engine, "before_cursor_execute", note)
    found = {}
    with world.home.store.reading() as connection:
        for statement, parameters in seen.items():
            if statement.split()[0] in {"SELECT", "INSERT", "UPDATE", "WITH"}:
                one = parameters[0] if isinstance(parameters, list) else parameters
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", one)
                found[statement] = [row[3] for row in rows]
    return found


def scanned(world: World, action: object) -> dict[str, list[str]]:
    with world.home.store.reading() as connection:
        tables = set(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'"))) - SMALL
    found = plans(world, action)
    assert found
    walks = {f"SCAN {table}" for table in tables}
    return {
        statement: [
            step
            for step in plan
            # Bounded by the size of the log alone, a search goes through everything as well.
            if (step.endswith("(entry<?)") and step.split()[1] not in SMALL)
            or any(step == walk or step.startswith(f"{walk} ") for walk in walks)
        ]
        for statement, plan in found.items()
        # From one end of the primary key, one row: SQLite calls that a scan as well.
        if not statement.endswith("DESC LIMIT 1")
    }


@pytest.mark.sqlite
def test_no_write_walks_through_a_table(story: World) -> None:
    def write() -> None:
        base = story.model(name="kennel/other", license="mit")
        child = story.model(base, "hf:org/Base")
        story.derive(base, story.artifact())
        story.derive(child, story.artifact(), relation="tokenizer")
        for number in range(2):  # new stubs, then a late parent of one that has children
            said = [
                Claim(f"hf:org/{n}", (Parent(f"hf:org/{n + number + 1}", "merge"),), "mit") for n in range(3)
            ]
            story.publish("publisher", claims.statement("cards.jsonl", "a" * 64, said, number))
        story.retract(story.report(base, "license"))

    assert {statement: walks for statement, walks in scanned(story, write).items() if walks} == {}


@pytest.mark.sqlite
def test_neither_does_a_redaction_nor_a_name_that_lost_its_meaning(story: World) -> None:
    base, other = story.artifact(), story.artifact()
    story.publish("publisher", name.statement(base, "x/y", "v1", 1), name.statement(other, "x/y", "v1", 2))
    moved = story.publish("publisher", name.statement(base, "x/y", "v1", 3))[0]

    def ask() -> None:
        with story.home.store.reading() as connection:
            left = redaction.left(connection, moved.index)
        story.publish("root", redacting.statement(moved.entry, "an order", left))
        with story.home.store.reading() as connection:
            for ref in ("x/y", "x/y@v1"):
                with pytest.raises(Absent, match="means is unknown"):
                    refs.resolve(connection, ref)
            lineage.around(connection, other)

    assert {statement: walks for statement, walks in scanned(story, ask).items() if walks} == {}


@pytest.mark.sqlite
def test_no_answer_walks_through_a_table(story: World) -> None:
    def ask() -> None:
        with story.home.store.reading() as connection:
            artifact = refs.resolve(connection, "kennel/base")
            refs.resolve(connection, artifact[:20])
            lineage.around(connection, artifact)
            lineage.below(connection, artifact)
            for way in ("descendants", "ancestors"):
                first = descent.page(connection, artifact, way, 1)
                descent.page(connection, artifact, way, 1, Cursor(first.size - 1, 1, 0))
            flagging.flags(connection, [artifact])
            artifacts.files(connection, artifact)
            artifacts.manifests(connection, artifact)
            artifacts.license_of(connection, artifact)
            artifacts.builds(connection, artifact)
            stubs = ["hf:org/Base", artifact]
            claimed.by(connection, ["k"], stubs)
            claimed.described(connection, stubs)
            claimed.adapters(connection, stubs)
            recorded(connection, stubs)
            said.claims(connection, "hf:org/Base", log.size(connection))
            places.of(connection, artifact)
            told = subjects.pedigree(connection, artifact)
            subjects.responsible(connection, [edge.entry for edge in told.edges], told.at.size)
            for incident in told.incidents[artifact]:
                subjects.reach(connection, incident.id, Policy(0, stopping=True))
            verdicts.of(connection, artifact)
            verdicts.due(connection, "ann", None, 10)
            log.bundle(connection, 3)
            tree.consistency(connection, 3, 7)
            log.indexes(connection, "ab" * 32)
            tiles.read(connection, "tile/0/000.p/3")
            tiles.read(connection, "tile/entries/000.p/3")

    assert {statement: walks for statement, walks in scanned(story, ask).items() if walks} == {}
