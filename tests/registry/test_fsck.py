"""Whatever is changed behind the log's back, fsck says it in a sentence."""

from collections.abc import Callable

import pytest
from evidence import measured, reviewed
from sqlalchemy import Connection, text
from sqlmodel import SQLModel
from world import World

from lineage.assessed import Assessed
from lineage.checks import Compared
from lineage.facts import Waived
from lineage.predicates import (
    card,
    containment,
    dispute,
    embargo,
    incident_amendment,
    incident_change,
    incident_status,
    license_gate,
    manifest,
    name,
    parentage,
    supersession,
    waiver,
)
from lineage.predicates import redaction as redacting
from merger.manifest import Manifest
from registry.store import artifacts, lineage, log, redaction
from registry.store.sqlite import TRIGGERS
from signing import checkpoint
from signing.digest import sha256_hex
from signing.errors import Refused

Tamper = Callable[[Connection], object]


def run(*statements: str) -> Tamper:
    def change(connection: Connection) -> None:
        for statement in statements:
            connection.execute(text(statement))

    return change


def untriggered(*statements: str) -> Tamper:
    """Change the log itself, as somebody would who can drop its triggers and puts them back."""
    drop = [f"DROP TRIGGER {name}" for name in TRIGGERS]
    return run(*drop, *statements, *TRIGGERS.values())


CASES: dict[str, tuple[Tamper, str]] = {
    "an edge is lost": (run("DELETE FROM edge"), "table edge lacks"),
    "an edge is added": (
        run("INSERT INTO edge SELECT entry, 99, child, 0, relation, part, evidence FROM edge LIMIT 1"),
        "table edge holds",
    ),
    "evidence is raised": (run("UPDATE edge SET evidence = 3"), "table edge holds"),
    "a flag is lost": (run("DELETE FROM flag"), "table flag lacks"),
    "a flag is added": (run("INSERT INTO flag VALUES (6, 0, 6)"), "table flag holds"),
    "something is selected": (
        run("INSERT INTO selected SELECT id, 0, 0 FROM incident"),
        "table selected holds",
    ),
    "something is selected, by what selects": (
        run("INSERT INTO selected SELECT id, 0, 0 FROM incident"),
        "selected: it holds artifact 0 for incident",
    ),
    "a flag is lost, by what flags are": (run("DELETE FROM flag"), "and the table says otherwise"),
    "a flag is added, by what flags are": (
        run("INSERT INTO flag SELECT entry, 0, entry FROM incident"),
        "does not reach",
    ),
    "a dispute is put into other words": (run("UPDATE dispute SET text = 'so'"), "table dispute holds"),
    "an embargo is of another incident": (run("UPDATE embargo SET incident = 'ab'"), "table embargo holds"),
    "an incident is softened": (run("UPDATE incident SET stage = 'retracted'"), "table incident holds"),
    "the closure is cut": (run("DELETE FROM closure"), "closure: it lacks"),
    "the closure is widened": (run("INSERT INTO closure VALUES (2, 1, 1, 1, 1, 'x')"), "closure: it holds"),
    "a way is stretched": (run("UPDATE closure SET distance = distance + 1"), "closure: it holds"),
    "a change of distance is forgotten": (run("UPDATE closure SET since = since + 1"), "table closure holds"),
    "a descendant has another's id": (run("UPDATE closure SET id = 'sha256:ab'"), "table closure holds"),
    "a descendant has another's id, by what ids are": (
        run("UPDATE closure SET id = 'sha256:ab'"),
        "and the table calls it sha256:ab",
    ),
    "an artifact is its own ancestor": (
        run("INSERT INTO closure VALUES (1, 1, 1, 1, 1, 'x')"),
        "its own ancestor",
    ),
    "a file's digest is changed": (run("UPDATE file SET sha256 = 'ab'"), "table file holds"),
    "a name is moved": (run("UPDATE name SET artifact = 1"), "table name holds"),
    "a license is changed": (run("UPDATE license SET license = 'mit'"), "table license holds"),
    "a manifest is changed": (run("UPDATE manifest SET sha256 = 'ab'"), "table manifest holds"),
    "a node is renamed": (run("UPDATE node SET id = 'sha256:ab' WHERE number = 0"), "table node"),
    "the trusted root is changed": (run("UPDATE root SET document = '{}'"), "table root holds"),
    "a hash is changed": (run("UPDATE hash SET hash = zeroblob(32) WHERE level = 1"), "table hash holds"),
    "an envelope is changed": (
        run("UPDATE payload SET envelope = CAST(replace(envelope, 'x', 'y') AS BLOB) WHERE \"index\" = 1"),
        "entry 1:",
    ),
    "an envelope becomes text": (
        run("UPDATE payload SET envelope = CAST(envelope AS TEXT)"),
        "table payload holds",
    ),
    "envelopes are exchanged": (
        run(
            'UPDATE payload SET envelope = (SELECT envelope FROM payload WHERE "index" = 2) WHERE "index" = 1'
        ),
        "the leaf names",
    ),
    "an envelope is removed": (run('DELETE FROM payload WHERE "index" = 1'), "its payload is gone"),
    "a leaf is changed": (
        untriggered("UPDATE entry SET leaf = replace(leaf, '17500', '17499') WHERE \"index\" = 2"),
        "before the entry above it",
    ),
    "a leaf is no leaf": (untriggered("UPDATE entry SET leaf = 'x' WHERE \"index\" = 2"), "nothing after it"),
    "an entry's id is changed": (untriggered("UPDATE entry SET id = 'x' WHERE \"index\" = 2"), "table entry"),
    "an entry's keys are changed": (
        untriggered(
            "UPDATE entry SET leaf = replace(leaf, substr(leaf, 11, 64), (SELECT substr(leaf, 11, 64) FROM entry "
            'WHERE "index" = 0)) WHERE "index" = 2'
        ),
        "it is signed by",
    ),
    "an entry is taken out of the middle": (
        untriggered('DELETE FROM payload WHERE "index" = 2', 'DELETE FROM entry WHERE "index" = 2'),
        "entry 2 is missing",
    ),
    "the newest entries are forgotten": (
        untriggered('DELETE FROM payload WHERE "index" > 3', 'DELETE FROM entry WHERE "index" > 3'),
        "entries are lost",
    ),
    "a trigger is dropped": (run("DROP TRIGGER entry_no_update"), "the trigger entry_no_update is missing"),
    "a trigger is emptied": (
        run(
            "DROP TRIGGER entry_no_delete",
            "CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry WHEN 0 BEGIN SELECT 1; END",
        ),
        "the trigger entry_no_delete is not the one",
    ),
    "an index is dropped": (run("DROP INDEX ix_edge_child"), "the index ix_edge_child is missing"),
    "an index is another": (
        run("DROP INDEX ix_edge_child", "CREATE INDEX ix_edge_child ON edge (parent)"),
        "the index ix_edge_child is not the one",
    ),
    "a foreign trigger is there": (
        run("CREATE TRIGGER quiet AFTER INSERT ON incident BEGIN DELETE FROM flag; END"),
        "the trigger quiet is none of Studbook's",
    ),
    "a foreign view is there": (run("CREATE VIEW x AS SELECT 1"), "the view x is none of Studbook's"),
    "a foreign table is there": (run("CREATE TABLE x (y)"), "the table x is none of Studbook's"),
    "an artifact gets another publisher": (
        run("UPDATE registration SET publishers = 'eve'"),
        "table registration holds",
    ),
    "a key becomes text": (
        run("UPDATE registration SET entry = 'x' WHERE entry = (SELECT max(entry) FROM registration)"),
        "table registration holds ('x'",
    ),
    "a checkpoint is not signed": (
        untriggered(
            "UPDATE checkpoint SET note = CAST(replace(note, 'studbook.local', 'studbook.lokal') AS BLOB)"
        ),
        "the checkpoint of",
    ),
}


# Said in SQLite's own words; PostgreSQL's are in `test_postgresql`.
SQLITE = {
    "a hash is changed",
    "an envelope is changed",
    "an envelope becomes text",
    "a leaf is changed",
    "a leaf is no leaf",
    "an entry's id is changed",
    "an entry's keys are changed",
    "an entry is taken out of the middle",
    "the newest entries are forgotten",
    "a trigger is dropped",
    "a trigger is emptied",
    "a foreign trigger is there",
    "a foreign table is there",
    "a key becomes text",
    "a checkpoint is not signed",
}


@pytest.fixture
def story(world: World) -> World:
    base = world.model(name="kennel/base", license="apache-2.0")
    child = world.model(base)
    world.publish(
        "security",
        incident_change.statement(world.report(child, "compromised", stage="reported"), "confirmed", "x"),
    )
    world.model(child, relation="merge")
    thief = world.join("guest", "publisher")
    world.advance(10)
    world.say(name.statement(child, "guest/stolen", None, 0), thief)
    world.end(thief, world.time - 5)
    for gone in world.publish(
        "publisher",
        name.statement(base, "kennel/gone", None, 0),
        name.statement(child, "kennel/gone", None, 0),
        manifest.statement(child, "ab" * 32),
    )[1:]:
        with world.home.store.reading() as connection:
            left = redaction.left(connection, gone.index)
        world.publish("root", redacting.statement(gone.entry, "an order", left))
    world.publish("publisher", measured(child), reviewed(base), supersession.statement(child, base))
    eve = world.join("eve", "publisher")
    world.artifact(key=eve)
    world.report(None, "privacy", keys=[eve.public.id])
    world.publish("security", containment.statement("cd" * 32, [child]))
    reported = world.report(child, "license")
    world.publish(
        "security", incident_amendment.statement(reported, "worse", severity="critical", issued=world.time)
    )
    risk = Waived(child, "LIC-ND-DERIVED", base, "mit", "kennel", "asked", world.time + 60)
    decided = license_gate.statement(world.home.root().origin, "a sale", world.time, shut=False)
    world.publish("publisher", waiver.statement(risk, world.time), decided)
    world.publish("security", embargo.statement("ab" * 32, "vet"))
    world.publish("publisher", dispute.statement(reported, child, "it is not so", "ef" * 32, world.time))
    said = Assessed(child, reported, "under_investigation", None, None, None, "looked into")
    world.publish("security", incident_status.statement(said, world.time))
    found = Compared(child, base, "consistent", "alone", "0.9", "0.6")
    world.publish("rebuilder", parentage.statement([found]))
    world.publish("publisher", card.statement(child, "README.md", ["hf:acme/base"], "mit"))
    return world


@pytest.mark.parametrize(
    "case", [pytest.param(one, marks=pytest.mark.sqlite) if one in SQLITE else one for one in CASES]
)
def test_what_is_tampered_with_is_found(story: World, case: str) -> None:
    story.check()
    change, sentence = CASES[case]
    with story.home.store.writing() as connection:
        change(connection)

    findings = story.fsck().findings

    assert any(sentence in finding for finding in findings), findings
    assert len(findings) < 4 * len(SQLModel.metadata.tables)  # of each table, some


@pytest.mark.sqlite
def test_behind_an_entry_that_cannot_be_read_nothing_is_said_of_what_was_removed(story: World) -> None:
    with story.home.store.writing() as connection:
        untriggered("UPDATE entry SET leaf = 'x' WHERE \"index\" = 2")(connection)

    findings = story.fsck().findings

    assert findings[0].startswith("entry 2: ")
    assert not [one for one in findings if "no entry of the log has it removed" in one]


def test_every_table_that_is_folded_is_compared(story: World) -> None:
    """A table that holds something and is emptied is always missed by somebody."""
    from sqlmodel import SQLModel

    apart = {"checkpoint", "location", "hook", "delivery", "entry", "payload"}
    for table in SQLModel.metadata.sorted_tables:
        if table.name in apart:
            continue
        with story.home.store.reading() as connection:
            held = connection.execute(table.select()).first()
        if held is None:
            assert table.name in {"build", "rebuild", "agreement"}
            continue
        with story.home.store.writing() as connection:
            rows = [row._asdict() for row in connection.execute(table.select())]
            connection.execute(table.delete())
        findings = story.fsck().findings
        assert any(f"table {table.name} " in one or f"table {table.name}:" in one for one in findings), (
            table.name
        )
        with story.home.store.writing() as connection:
            connection.execute(table.insert(), rows)
    story.check()


@pytest.mark.sqlite
def test_a_checkpoint_over_another_tree_is_found_though_its_signature_holds(story: World) -> None:
    root, key = story.home.root(), story.home.keys("log")
    size = story.size()
    forged = checkpoint.sign(checkpoint.Checkpoint(root.origin, size, bytes(32)), key)
    with story.home.store.writing() as connection:
        untriggered()(connection)
        connection.execute(text("DROP TRIGGER checkpoint_no_update"))
        connection.execute(text("UPDATE checkpoint SET note = :n WHERE size = :s"), {"n": forged, "s": size})

    assert any("the log's is" in finding for finding in story.fsck().findings)


def test_a_pinned_root_that_is_not_the_logged_one_is_found(story: World) -> None:
    path = story.home.path / "trusted_root.json"
    path.write_bytes(path.read_bytes().replace(b'"threshold":"1"', b'"threshold":"2"'))

    (finding,) = story.fsck().findings
    assert "is not the trusted root that the log brought into force" in finding


@pytest.mark.sqlite
def test_a_log_that_brings_no_trusted_root_into_force_proves_nothing(world: World) -> None:
    with world.home.store.writing() as connection:
        untriggered('DELETE FROM payload WHERE "index" = 0', "DELETE FROM root")(connection)

    findings = " ".join(world.fsck().findings)
    assert "no trusted root to be checked against" in findings
    assert "brings no trusted root into force" in findings


@pytest.mark.sqlite
def test_entries_without_any_trusted_root_are_not_covered(world: World) -> None:
    with world.home.store.writing() as connection:
        untriggered("DELETE FROM root", "DELETE FROM checkpoint")(connection)
    world.reopen()
    with pytest.raises(Refused, match="no trusted root"):
        world.home.writer()


@pytest.mark.sqlite
def test_a_damaged_file_is_found(story: World) -> None:
    story.home.store.close()
    path = story.home.path / "studbook.db"
    raw = bytearray(path.read_bytes())
    # The last page of the file belongs to some index or table: any damage there is SQLite's to notice.
    for at in range(len(raw) - 4096, len(raw) - 3000):
        raw[at] ^= 0xFF
    path.write_bytes(bytes(raw))

    assert story.fsck().findings


@pytest.mark.parametrize("what", ["the manifest of", "the block digests of"])
def test_a_stored_blob_with_other_bytes_is_found(story: World, what: str) -> None:
    with story.home.store.reading() as connection:
        _, digest = next(artifacts.described(connection))
    if what != "the manifest of":
        digest = Manifest.parse(story.home.blobs.path(digest).read_bytes()).blocks
    path = story.home.blobs.path(digest)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes() + b" ")

    (finding,) = story.fsck().findings
    assert f"blob sha256:{digest}, {what}" in finding


def test_a_manifest_that_is_none_is_found(world: World) -> None:
    digest = sha256_hex(b"[]")
    world.publish("publisher", manifest.statement(world.artifact(), digest))
    world.home.blobs.put(digest, [b"[]"])
    (finding,) = world.fsck().findings
    assert f"blob sha256:{digest}, the manifest of" in finding


def test_flags_are_held_against_edges_that_are_read_once(
    story: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage, "below", None)
    assert story.fsck().findings == ()


def test_progress_hears_every_entry(story: World) -> None:
    from registry.fsck import fsck

    heard: list[int] = []
    report = fsck(story.home, heard.append)

    assert heard == list(range(1, report.size + 1))
    with story.home.store.reading() as connection:
        assert report.checkpoints == len(list(log.checkpoints(connection)))
