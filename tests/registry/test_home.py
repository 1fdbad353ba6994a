"""`studbook init`: everything is there, nobody else can read the keys, and it can be stopped anywhere."""

import os
import stat
import sys
from pathlib import Path

import pytest
from world import BEGINNING, CRASHED, OPERATOR, World

from lineage.predicates import name
from lineage.predicates import redaction as redactions
from lineage.standing import Affected
from registry.fsck import fsck
from registry.home import Home
from registry.signer import Step
from registry.store import Absent, descent, log, redaction, schema
from registry.store.schema import migrations
from registry.tables import SCHEMA
from signing import dsse
from signing.digest import parse_id
from signing.errors import Refused
from signing.keys import PrivateKey
from signing.statement import Statement, Subject

# What a process may be stopped at: every change to the folder that Python announces to auditors.
CHANGES = ("open", "os.mkdir", "os.link", "os.rename", "os.remove", "sqlite3.connect")


def create(path: Path, **more: object) -> Home:
    return Home.create(path, OPERATOR, clock=lambda: BEGINNING, **more)


def stopped(path: Path, *, after: int) -> bool:
    """Run init in a process that dies at its change number `after` to the disk; False if it made fewer."""
    child = os.fork()
    if child == 0:
        try:
            left = after

            def watch(event: str, arguments: tuple[object, ...]) -> None:
                nonlocal left
                if event in CHANGES and (event != "open" or _writes(arguments)):
                    left -= 1
                    if left < 0:
                        os._exit(CRASHED)

            sys.addaudithook(watch)
            create(path)
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, CRASHED}
    return status == CRASHED


def _writes(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) != 0


def whole(home: Home) -> None:
    assert {one.name for one in home.path.iterdir()} >= {"keys", "studbook.db", "trusted_root.json"}
    names = {"root.pem", "log.pem", "publisher.pem", "security.pem"}
    assert {one.name for one in (home.path / "keys").iterdir() if not one.name.startswith(".")} == names
    assert stat.S_IMODE((home.path / "keys").stat().st_mode) == 0o700
    for key in names:
        assert stat.S_IMODE((home.path / "keys" / key).stat().st_mode) == 0o600
    home.writer()
    report = fsck(home)
    assert (report.size, report.waiting, report.findings) == (1, 0, ())


def test_init_makes_a_whole_home_and_again_changes_nothing(tmp_path: Path) -> None:
    first = create(tmp_path / "home")
    whole(first)
    pinned = (first.path / "trusted_root.json").read_bytes()

    again = create(tmp_path / "home")

    whole(again)
    assert (again.path / "trusted_root.json").read_bytes() == pinned
    assert again.keys("log") != again.keys("root")
    assert again.keys("root").public == first.keys("root").public


def test_the_first_entry_is_the_trusted_root_signed_by_the_root_key(tmp_path: Path) -> None:
    home = create(tmp_path / "home")
    root = home.root()

    with home.store.reading() as connection:
        assert log.receipt(connection, 0).leaf.count(home.keys("root").public.id.encode()) == 1
    roles = {role: key.public for key in root.keys for role in key.roles}
    assert roles == {role: home.keys(role).public for role in roles}
    assert set(roles) == {"root", "log", "publisher", "builder", "rebuilder", "security"}
    assert roles["publisher"] == roles["builder"] == roles["rebuilder"] != roles["security"]
    assert roles["log"].kind == "ed25519"
    assert home.operator("security") == OPERATOR


@pytest.mark.system
def test_an_init_that_is_stopped_anywhere_is_completed_by_the_next(tmp_path: Path) -> None:
    after = 0
    while stopped(tmp_path / f"home-{after}", after=after):
        path = tmp_path / f"home-{after}"
        if not (path / "trusted_root.json").exists():
            with pytest.raises(Absent, match="studbook init"):
                Home.open(path)
        whole(create(path))
        after += 1
    assert after > 15


def test_an_init_that_is_stopped_again_and_again_gets_there(tmp_path: Path) -> None:
    after = 0
    while stopped(tmp_path / "home", after=after):
        after += 1
    whole(create(tmp_path / "home"))


@pytest.mark.parametrize("step", Step)
def test_an_init_that_stops_while_it_logs_is_completed_by_the_next(tmp_path: Path, step: Step) -> None:
    child = os.fork()
    if child == 0:
        try:
            create(tmp_path / "home", at=lambda reached: os._exit(CRASHED) if reached is step else None)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == CRASHED

    whole(create(tmp_path / "home"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_key_that_others_can_reach_is_not_loaded(world: World, mode: int) -> None:
    path = world.home.path / "keys" / "publisher.pem"
    path.chmod(mode)

    with pytest.raises(Refused, match=f"mode {mode:04o}.*chmod 600"):
        world.model()

    path.chmod(0o600)
    world.check()


def test_a_folder_with_other_things_in_it_does_not_become_a_home(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(Refused, match=r"holds thesis.tex"):
        create(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_home_stays_its_operator_s(world: World) -> None:
    with pytest.raises(Refused, match=f"home of {OPERATOR}, not of somebody"):
        Home.create(world.home.path, "somebody")


def test_what_is_no_home_is_not_opened_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(Absent, match="no Studbook home"):
        Home.open(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_database_of_another_schema_is_refused_with_both_numbers(world: World) -> None:
    from sqlalchemy import text

    with world.home.store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    with pytest.raises(Refused, match=f"schema 0999, this Studbook reads {SCHEMA}"):
        world.reopen()


def test_init_brings_a_home_of_an_older_schema_up_to_date_and_folds_its_log_again(world: World) -> None:
    from sqlalchemy import text

    base = world.model(name="kennel/base")
    anna = world.join("anna", "publisher")
    child = world.model(base)
    world.report(base, "withdrawn")
    world.advance(1)
    world.say(name.statement(child, "kennel/taken", None, 1), anna)
    world.end(anna, world.time - 1)
    with world.home.store.writing() as connection:
        for table in (
            "tenure",
            "registration",
            "redaction",
            "unknown",
            "evaluation",
            "attestation",
            "agreement",
            "unbound",
            "correction",
            "selector",
            "selected",
            "comparison",
            "mention",
            "containment",
            "amendment",
            "assessment",
            "waiver",
            "gate",
            "dispute",
            "embargo",
            "hook",
            "delivery",
        ):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with pytest.raises(Refused, match=f"schema 0001, this Studbook reads {SCHEMA}: run `studbook init`"):
        world.reopen()

    Home.create(world.home.path, clock=lambda: world.time).store.close()

    world.reopen()
    assert world.resolve("kennel/base") == base
    world.check()


def test_init_finds_the_ids_of_all_that_descends_in_a_home_without_them(world: World) -> None:
    from sqlalchemy import text

    base = world.artifact("hf:kennel/upstream")
    child = world.artifact(base)
    world.derive(base, world.artifact())
    with world.home.store.writing() as connection:
        connection.execute(text("ALTER TABLE closure DROP COLUMN id"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0017'"))
    with pytest.raises(Refused, match=f"schema 0017, this Studbook reads {SCHEMA}: run `studbook init`"):
        world.reopen()

    Home.create(world.home.path, clock=lambda: world.time, settings=world.home.settings).store.close()

    world.reopen()
    with world.home.store.reading() as connection:
        found = descent.page(connection, "hf:kennel/upstream", "descendants", 10).relatives
    assert [(one.distance, one.artifact) for one in found] == [(1, base), (2, child)]
    world.check()


def before_looks(world: World) -> None:
    """Take from a home's database what schemas from 0004 on brought."""
    from sqlalchemy import text

    with world.home.store.writing() as connection:
        connection.execute(text("DROP INDEX name_by_skeleton"))
        connection.execute(text("ALTER TABLE name DROP COLUMN skeleton"))
        connection.execute(text("DROP TABLE agreement"))
        connection.execute(text("DROP TABLE unbound"))
        for table in (
            "correction",
            "selector",
            "selected",
            "containment",
            "amendment",
            "assessment",
            "waiver",
            "gate",
            "dispute",
            "embargo",
            "comparison",
            "mention",
            "hook",
            "delivery",
        ):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))


def test_init_says_which_entry_of_an_older_home_is_no_longer_taken_and_changes_nothing(world: World) -> None:
    from sqlalchemy import text

    base = world.model()
    old = Statement((Subject(base, parse_id(base)),), "https://example.com/notes", {"x": 0})
    index = world.publish("publisher", old)[0].index
    payload = old.encode().replace(b'"x":0', b'"x":-0')
    assert payload != old.encode()
    before_looks(world)
    sealed = dsse.sign(payload, [world.home.keys("publisher")]).encode()
    with world.home.store.writing() as connection:
        connection.execute(
            text('UPDATE payload SET envelope = :sealed WHERE "index" = :index'),
            {"sealed": sealed, "index": index},
        )

    with pytest.raises(Refused, match=f"^entry {index}: the number -0 is read differently"):
        Home.create(world.home.path, clock=lambda: world.time)

    with pytest.raises(Refused, match=f"schema 0003, this Studbook reads {SCHEMA}: run `studbook init`"):
        world.reopen()


def test_t19_init_finds_out_what_the_names_of_an_older_home_look_like(world: World) -> None:
    base = world.model(name="kennel/base")
    child = world.model(base, name="kennel/secret")
    anna = world.join("anna", "publisher", namespaces=("kenne1",))
    world.say(Statement((Subject(base, parse_id(base)),), "https://example.com/notes", {}), anna)
    world.report(base, "withdrawn")
    bound = world.publish("publisher", name.statement(child, "kennel/gone", None, 1))[0]
    with world.home.store.reading() as connection:
        left = redaction.left(connection, bound.index)
    world.publish("root", redactions.statement(bound.entry, "order 17", left))
    before_looks(world)
    with pytest.raises(Refused, match=f"schema 0003, this Studbook reads {SCHEMA}: run `studbook init`"):
        world.reopen()

    Home.create(world.home.path, clock=lambda: world.time).store.close()

    world.reopen()
    assert world.resolve("kennel/base") == base
    assert isinstance(world.standing(child), Affected)
    with pytest.raises(Refused, match="'kenne1/base' looks like 'kennel/base'"):
        world.say(name.statement(base, "kenne1/base", None, 1), anna)
    world.check()


def test_a_role_without_a_key_and_a_key_without_a_role_are_named(world: World) -> None:
    with pytest.raises(Absent, match="holds no witness key"):
        world.home.keys("witness")
    path = world.home.path / "keys" / "security.pem"
    path.write_bytes(PrivateKey.generate("ecdsa-p256").pem())
    with pytest.raises(Refused, match="is not in the trusted root"):
        world.home.operator("security")


def test_an_installation_without_migrations_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "__file__", str(tmp_path / "registry" / "store" / "schema.py"))
    with pytest.raises(Absent, match="installation is not complete"):
        migrations()


def test_the_migrations_are_found() -> None:
    assert (migrations() / "versions" / "0001_create_tables.py").is_file()
