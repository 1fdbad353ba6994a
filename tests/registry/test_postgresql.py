"""A log in PostgreSQL: refused what it must never do, and found out where somebody changed it all the same."""

import os
import signal
from pathlib import Path

import pytest
from clusters import cluster
from sqlalchemy import event, text
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlmodel import SQLModel
from world import BEGINNING, OPERATOR, World

from lineage.predicates import signature
from registry.home import Home
from registry.settings import Settings
from registry.store import descent
from registry.store.engine import Database
from registry.store.postgresql import TRIGGERS
from signing.errors import Malformed, Refused
from signing.statement import Statement

pytestmark = pytest.mark.postgresql


def registered(number: int) -> Statement:
    return signature.statement(f"model-{number}", {"model.safetensors": f"{number:064x}"})


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE entry SET time = 0", "an entry is never changed"),
        ("DELETE FROM entry", "an entry is never removed"),
        ("TRUNCATE entry CASCADE", "an entry is never removed"),
        ("INSERT INTO entry VALUES (0, 'x', 'x', 0, 'x')", "entry_pkey"),
        (
            "INSERT INTO entry VALUES (0, 'x', 'x', 0, 'x') ON CONFLICT (index) DO UPDATE SET id = 'x'",
            "an entry is never changed",
        ),
        ("UPDATE checkpoint SET note = 'x'", "a checkpoint is never changed"),
        ("DELETE FROM checkpoint", "a checkpoint is never removed"),
        ("TRUNCATE checkpoint", "a checkpoint is never removed"),
        ("INSERT INTO checkpoint VALUES (1, 'x')", "never signed for a smaller size"),
        ("INSERT INTO checkpoint VALUES (0, 'x')", "never signed for a smaller size"),
    ],
)
def test_t14_the_log_is_append_only_in_the_database_too(world: World, statement: str, why: str) -> None:
    with pytest.raises(IntegrityError, match=why), world.home.store.writing() as connection:
        connection.execute(text(statement))
    world.check()


OFF, ON = "ALTER TABLE {0} DISABLE TRIGGER USER", "ALTER TABLE {0} ENABLE TRIGGER USER"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["DROP TRIGGER entry_no_update ON entry"], "the trigger entry_no_update is missing"),
        (["ALTER TABLE entry DISABLE TRIGGER entry_no_delete"], "entry_no_delete is not the one .* mode D"),
        (
            ["ALTER TABLE entry ENABLE REPLICA TRIGGER entry_no_delete"],
            "entry_no_delete is not the one .* mode R",
        ),
        (
            [
                "CREATE OR REPLACE FUNCTION studbook_refuses() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
            ],
            "the trigger entry_no_update is not the one",
        ),
        (
            [
                "CREATE FUNCTION quiet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM flag; RETURN NULL; END'",
                "CREATE TRIGGER quiet AFTER INSERT ON incident EXECUTE FUNCTION quiet()",
            ],
            "the trigger quiet is none of Studbook's",
        ),
        (
            ["CREATE RULE mute AS ON INSERT TO incident DO INSTEAD NOTHING"],
            "the rule mute is none of Studbook's",
        ),
        (["CREATE TABLE x (y int)"], "the table x is none of Studbook's"),
        (["CREATE MATERIALIZED VIEW x AS SELECT 1"], "the view x is none of Studbook's"),
        (["UPDATE payload SET envelope = 'x' WHERE index = 1"], "entry 1:"),
        (["UPDATE hash SET hash = '\\x00' WHERE level = 1"], "table hash holds"),
        (
            [OFF.format("entry"), "UPDATE entry SET leaf = 'x' WHERE index = 2", ON.format("entry")],
            "nothing after it",
        ),
        (
            [
                OFF.format("entry"),
                "DELETE FROM payload",
                "DELETE FROM entry WHERE index = 2",
                ON.format("entry"),
            ],
            "entry 2 is missing",
        ),
        (
            [OFF.format("checkpoint"), "UPDATE checkpoint SET note = 'x'", ON.format("checkpoint")],
            "the checkpoint of",
        ),
    ],
)
def test_what_is_tampered_with_is_found(world: World, changes: list[str], sentence: str) -> None:
    import re

    world.report(world.model(world.model()), "compromised")
    assert world.fsck().findings == ()
    with world.home.store.writing() as connection:
        for one in changes:
            connection.exec_driver_sql(one)
    assert any(re.search(sentence, found) for found in world.fsck().findings), world.fsck().findings


def test_the_migrations_make_what_the_tables_say(world: World) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with world.home.store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []
        found = set(connection.scalars(text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")))
        assert found == set(TRIGGERS)


def test_a_page_looks_up_each_flag_also_by_a_plan_made_while_there_were_none(world: World) -> None:
    base = world.artifact()
    world.artifact(base)
    with world.home.store.writing() as connection:
        for table in ("flag", "closure"):
            connection.exec_driver_sql(f"ANALYZE {table}")
    asked: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, values: object, *_rest: object) -> None:
        asked.append((statement, values))

    engine = world.home.store._engine
    event.listen(engine, "before_cursor_execute", note)
    with world.home.store.reading() as connection:
        descent.page(connection, base, "descendants", 10)
    event.remove(engine, "before_cursor_execute", note)

    plans = []
    with world.home.store.reading() as connection:
        for statement, values in asked:
            told = connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars()  # type: ignore[arg-type]
            plans.append("\n".join(told))
    assert [plan for plan in plans if "Seq Scan" in plan] == []
    (listed,) = (plan for plan in plans if " flag" in plan)
    assert "flag_by_artifact" in listed
    assert "Index Cond: (artifact = closure.descendant)" in listed


def test_an_order_of_text_that_is_not_that_of_its_bytes_is_refused(tmp_path: Path) -> None:
    # A database in LATIN1 stands for one with another collation, of which a machine may have none.
    name = cluster().create("TEMPLATE template0", "ENCODING 'LATIN1'", "LC_COLLATE 'C'", "LC_CTYPE 'C'")
    settings = Settings(database=cluster().url(name))
    with pytest.raises(Refused, match=rf"sorts by C in LATIN1, .* CREATE DATABASE {name} TEMPLATE template0"):
        Home.create(tmp_path / "home", OPERATOR, settings=settings)
    cluster().drop(name)


@pytest.mark.parametrize("url", ["not a url", "sqlite:///x.db", "postgresql://", "mysql://h/x"])
def test_a_setting_that_names_no_such_database_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(Malformed, match="write postgresql://user@host/name"):
        Home.create(tmp_path / "home", OPERATOR, settings=Settings(database=url))


def test_a_database_that_is_not_there_or_not_laid_out_is_refused_without_its_password(world: World) -> None:
    away = Settings(home=world.home.path, database="postgresql://ann:secret@127.0.0.1:1/x", busy_seconds=1)
    with pytest.raises(Refused, match="refused") as told:
        Home.open(world.home.path, settings=away)
    assert "secret" not in str(told.value)
    empty = cluster().create()
    with pytest.raises(Refused, match=r"has schema None, .* run `studbook init`"):
        Home.open(world.home.path, settings=Settings(database=cluster().url(empty)))
    cluster().drop(empty)


def test_a_home_whose_log_lies_there_says_so_where_the_setting_is_missing(world: World) -> None:
    with pytest.raises(Refused, match=r"has no studbook\.db: .* STUDBOOK_DATABASE"):
        Home.open(world.home.path, settings=Settings(home=world.home.path))


def test_a_writer_that_waits_too_long_says_so(world: World) -> None:
    impatient = Database(world.home.store.at, busy_seconds=1)
    with (
        world.home.store.writing(),
        pytest.raises(Refused, match="canceling statement due to lock timeout"),
        impatient.writing(),
    ):
        pass
    impatient.close()


def test_who_has_waited_sees_what_was_written_meanwhile(world: World) -> None:
    """Or a writer would judge by an older log than the one it appends to."""
    other = Home.open(world.home.path, clock=lambda: world.time, settings=world.settings)
    for number in range(4):
        (world.home if number % 2 else other).say("publisher", registered(number))
    other.store.close()
    world.check()


def test_a_server_that_was_started_again_meanwhile_is_asked_anew(world: World) -> None:
    world.artifact()
    cluster().say(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{world.home.store.at.database}'"
    )
    world.artifact()
    world.check()


def test_a_killed_writer_leaves_nothing_half_written_and_no_lock(world: World) -> None:
    world.home.store.close()
    acknowledged, told = os.pipe()
    child = os.fork()
    if child == 0:
        home = Home.open(world.home.path, clock=lambda: BEGINNING, settings=world.settings)
        for number in range(10_000):
            home.say("publisher", registered(number))
            os.write(told, b".")
    heard = b""
    while len(heard) < 25:
        heard += os.read(acknowledged, 1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(told)
    while more := os.read(acknowledged, 100):
        heard += more
    os.close(acknowledged)
    assert world.size() >= 1 + len(heard)
    world.artifact()
    world.check()


def test_anything_else_that_the_database_refuses_is_a_defect_of_ours(world: World) -> None:
    with pytest.raises(DatabaseError), world.home.store.reading() as connection:
        connection.execute(text("UPDATE flag SET first = 0"))
