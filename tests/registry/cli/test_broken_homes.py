"""A home that is damaged, half gone or wrongly kept: one sentence, and nothing is made worse."""

import shutil
import sqlite3
from contextlib import closing

import pytest


@pytest.fixture
def broken(kennel, terminal):
    """A copy of the kennel's home to break."""
    shutil.copytree(kennel.home, terminal.home)
    return terminal


def test_an_ambiguous_beginning_is_refused_with_what_it_could_mean(broken) -> None:
    artifact = broken.holds("show", "kennel/one")["artifact"]
    twin = artifact[:20] + "0" * (len(artifact) - 20)
    # Ids are hashes, so two that begin alike are put there by hand.
    with closing(sqlite3.connect(broken.home / "studbook.db")) as connection, connection:
        connection.execute(
            "INSERT INTO node (number, id, first, ancestors, depth) VALUES (999, ?, 1, 0, 0)", (twin,)
        )

    broken.refuses(("show", artifact[:18]), 2, (artifact, twin, "write more digits"))
    assert broken.holds("show", artifact[:24])["artifact"] == artifact


def test_a_key_that_others_can_read_is_refused_by_its_mode_and_nothing_is_logged(broken, kennel) -> None:
    (broken.home / "keys" / "publisher.pem").chmod(0o644)
    broken.refuses(
        ("add", str(kennel.folder / "spare"), "--name", "kennel/else"), 2, ("mode 0644", "chmod 600")
    )


def test_a_log_key_that_others_can_read_gives_no_receipt(broken, kennel) -> None:
    key = broken.home / "keys" / "log.pem"
    key.chmod(0o644)
    words = ("add", str(kennel.folder / "spare"), "--name", "kennel/else")
    assert "mode 0644" in broken(*words).err

    key.chmod(0o600)

    assert broken(*words).code == 0
    assert broken.holds("log", "fsck") | {"size": 0, "checkpoints": 0} == {
        "size": 0, "checkpoints": 0, "findings": [], "remarks": [], "waiting": 0,
    }  # fmt: skip


def test_a_name_in_other_letters_is_refused_and_not_logged(broken, kennel) -> None:
    size = len(broken.holds("log", "show")["entries"])
    said = broken("add", kennel.folder / "spare", "--name", "Kennel/ONE")
    assert said.code == 2
    assert "'kennel/one'" in said.err
    assert len(broken.holds("log", "show")["entries"]) == size


def test_a_security_key_that_others_can_read_reports_nothing(broken) -> None:
    (broken.home / "keys" / "security.pem").chmod(0o640)
    broken.refuses(("incident", "report", "kennel/one", "--summary", "x"), 2, ("mode 0640",))


def test_a_key_that_is_gone_is_named(broken) -> None:
    (broken.home / "keys" / "security.pem").unlink()
    broken.refuses(("incident", "report", "kennel/one", "--summary", "x"), 2, ("security.pem", "no such key"))


def test_a_key_that_is_no_key_is_named(broken) -> None:
    (broken.home / "keys" / "security.pem").write_bytes(
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    )
    broken.refuses(("incident", "report", "kennel/one", "--summary", "x"), 2, ("key",))


@pytest.mark.parametrize("words", [("show", "kennel/one"), ("log", "fsck"), ("init", "--operator", "kennel")])
def test_a_database_that_is_none_is_refused_with_its_path(broken, words: tuple[str, ...]) -> None:
    for path in broken.home.glob("studbook.db*"):
        path.unlink()
    (broken.home / "studbook.db").write_bytes(b"these are not the pages you are looking for" * 200)
    broken.refuses(words, 2, ("studbook.db",))


def test_a_database_that_is_gone_is_not_made_anew(broken) -> None:
    for path in broken.home.glob("studbook.db*"):
        path.unlink()
    broken.refuses(("show", "kennel/one"), 2, ("studbook.db",))
    broken.refuses(("add", "."), 2, ("studbook.db",))


def test_a_trusted_root_that_is_no_json_verifies_nothing(broken, kennel) -> None:
    (broken.home / "trusted_root.json").write_bytes(b"{}")
    broken.refuses(("verify", str(kennel.folder / "both")), 2, ("trusted root",))


def test_a_name_that_is_also_a_folder_is_not_decided_in_silence(broken, kennel) -> None:
    shutil.copytree(kennel.folder / "two", broken.folder / "kennel" / "one")
    broken.refuses(("status", "kennel/one"), 2, ("write ./kennel/one for the folder",))
    assert broken("status", "./kennel/one").code == 0


def test_a_setting_that_is_no_number_is_named(broken, monkeypatch) -> None:
    monkeypatch.setenv("STUDBOOK_QUEUE", "plenty")
    broken.refuses(("show", "kennel/one"), 2, ("queue", "plenty"))


def test_an_operator_that_cannot_be_one_is_refused(terminal) -> None:
    said = terminal("init", "--operator", "a b")
    assert said.code == 2
    assert "'a b'" in said.err
    assert terminal("show", "x/y").code == 2
    assert terminal("init", "--operator", "ab").code == 0
    assert terminal("log", "fsck").code == 0


def test_an_interrupt_says_what_stands_and_exits_130(terminal, monkeypatch) -> None:
    from registry.cli import registering

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(registering.Home, "create", interrupted)
    said = terminal("init")
    assert said.code == 130
    assert "what was recorded stands" in said.err
