"""The database refuses what the log must never do, and what Studbook writes is what its migrations make."""

import shutil
import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel
from world import World

from registry.store import sqlite
from registry.store.engine import Database
from registry.store.schema import migrations
from registry.store.sqlite import TRIGGERS
from registry.tables import SCHEMA
from signing.errors import Refused


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE entry SET time = 0", "an entry is never changed"),
        ("DELETE FROM entry", "an entry is never removed"),
        ("INSERT INTO entry VALUES (0, 'x', 'x', 0, 'x')", "this index is taken"),
        ("INSERT OR REPLACE INTO entry VALUES (0, 'x', 'x', 0, 'x')", "this index is taken"),
        ("REPLACE INTO entry SELECT 99, id, keys, time, leaf FROM entry", "an entry is never removed"),
        ("UPDATE checkpoint SET note = 'x'", "a checkpoint is never changed"),
        ("DELETE FROM checkpoint", "a checkpoint is never removed"),
        ("INSERT INTO checkpoint VALUES (1, 'x')", "never signed for a smaller size"),
        ("INSERT OR REPLACE INTO checkpoint VALUES (1, 'x')", "never signed for a smaller size"),
        ("INSERT INTO checkpoint VALUES (0, 'x')", "never signed for a smaller size"),
    ],
)
def test_t14_the_log_is_append_only_in_the_database_too(world: World, statement: str, why: str) -> None:
    with pytest.raises(IntegrityError, match=why), world.home.store.writing() as connection:
        connection.execute(text(statement))
    world.check()


@pytest.mark.sqlite
def test_a_connection_is_durable_and_sees_what_replace_removes(world: World) -> None:
    with world.home.store.writing() as connection:
        found = [connection.scalar(text(f"PRAGMA {one}")) for one in ("journal_mode", "synchronous")]
        assert found == ["wal", 2]
        assert connection.scalar(text("PRAGMA recursive_triggers")) == 1
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1


@pytest.mark.sqlite
def test_what_a_killed_writer_left_in_the_write_ahead_log_is_synced_before_it_is_read(
    world: World, tmp_path: Path
) -> None:
    world.artifact()
    left, synced = tmp_path / "left.db", list[Path]()
    for end in ("", "-wal"):
        shutil.copy(f"{world.home.store.at}{end}", f"{left}{end}")
    opened = sqlite.engine(
        left,
        1,
        create=False,
        mapped=False,
        sync=lambda handle: synced.append(Path(f"/proc/self/fd/{handle}").readlink()),
    )
    with opened.connect() as connection:
        assert synced == [tmp_path / "left.db-wal"]
        assert connection.scalar(text("SELECT count(*) FROM entry")) == world.size()
    opened.dispose()

    clean = sqlite.engine(left, 1, create=False, mapped=False, sync=lambda _: synced.append(left))
    with clean.connect():
        assert len(synced) == 1, "whoever closed it left nothing to sync"
    clean.dispose()


def test_a_reader_sees_one_state_while_another_writes(world: World) -> None:
    from registry.store import log

    with world.home.store.reading() as connection:
        before = log.size(connection)
        world.artifact()
        assert log.size(connection) == before
    assert world.size() == before + 1


@pytest.mark.sqlite
def test_a_writer_that_waits_too_long_says_so(world: World) -> None:
    impatient = Database(world.home.store.at, busy_seconds=1)
    with (
        world.home.store.writing(),
        pytest.raises(Refused, match=r"studbook\.db: database is locked"),
        impatient.writing(),
    ):
        pass
    impatient.close()


def test_two_writers_take_turns(world: World) -> None:
    order: list[str] = []
    with world.home.store.writing():
        thread = threading.Thread(target=lambda: _write(world, order))
        thread.start()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def _write(world: World, order: list[str]) -> None:
    with world.home.store.writing():
        order.append("second")


def test_a_missing_database_is_not_made_by_opening_it(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="unable to open"), Database(tmp_path / "x y%.db", 1).reading():
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.sqlite
def test_the_migrations_make_what_the_tables_say(world: World) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with world.home.store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []
        migrated = _schema(connection)
        made = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
        assert {row.name: row.sql for row in made} == TRIGGERS
    blank = create_engine("sqlite://")
    with blank.begin() as connection:
        SQLModel.metadata.create_all(connection)
        fresh = _schema(connection)
    blank.dispose()
    assert fresh == {name: row for name, row in migrated.items() if name != "alembic_version"}


def _schema(connection: object) -> dict[str, object]:
    """Return every table's columns, keys and whether it is clustered, and every index, however they were spelled."""
    found: dict[str, object] = {}
    for kind, name, sql in connection.execute(text("SELECT type, name, sql FROM sqlite_master")).all():
        if kind == "table":
            columns = connection.execute(text(f"PRAGMA table_info({name})")).all()
            found[name] = ([tuple(one)[1:] for one in columns], "WITHOUT ROWID" in sql)
        elif kind == "index" and sql:
            found[name] = [one.name for one in connection.execute(text(f"PRAGMA index_info({name})"))]
    return found


def test_the_newest_migration_is_the_schema_that_is_read() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(migrations()))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA
