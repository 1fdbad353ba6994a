"""keys list and keys export: what a home holds, and only public halves leave it."""

import time

import pytest

from registry.cli import session
from registry.home import KEY_FILES, Home
from signing.keys import PrivateKey, PublicKey


def test_every_key_is_listed_with_its_holder_and_its_file(kennel) -> None:
    rows = kennel.holds("keys", "list")["keys"]

    assert [row["role"] for row in rows] == list(KEY_FILES)
    root = Home.open(kennel.home).root()
    for row in rows:
        (key,) = root.public(row["role"])
        assert (row["key"], row["kind"], row["operator"]) == (key.id, key.kind, "kennel")
        assert row["file"] == str(kennel.home / "keys" / f"{KEY_FILES[row['role']]}.pem")


@pytest.mark.parametrize("columns", [40, 250])
def test_what_is_listed_can_be_copied_however_narrow_the_terminal(kennel, columns: int) -> None:
    lines = kennel("keys", "list", columns=columns).out.splitlines()
    assert lines[0].split() == ["role", "key", "kind", "operator", "file"]
    assert [line.split() for line in lines[1:]] == [
        list(row.values())
        for row in (
            {name: row[name] for name in ("role", "key", "kind", "operator", "file")}
            for row in kennel.holds("keys", "list")["keys"]
        )
    ]


@pytest.mark.parametrize("role", KEY_FILES)
def test_the_public_half_is_exported_as_pem(kennel, role: str) -> None:
    said = kennel("keys", "export", role, "--public")
    value = kennel.holds("keys", "export", role, "--public")

    assert said.code == 0
    assert said.out == value["pem"]
    assert PublicKey.parse(said.out.encode()).id == value["key"]
    assert "PRIVATE" not in said.out


def test_a_key_is_exported_to_a_file_and_nowhere_else(terminal) -> None:
    terminal.holds("init")
    said = terminal("keys", "export", "publisher", "--public", "--out", "publisher.pem")
    assert said.out == ""
    assert "publisher key" in said.err
    written = (terminal.folder / "publisher.pem").read_text()
    assert written == terminal("keys", "export", "publisher", "--public").out


def test_a_key_that_the_root_in_force_does_not_name_is_listed_as_nobodys(world, terminal) -> None:
    """A key that was exchanged on disk signs for nobody, and the list says so before anything is refused."""
    world.home.key_file("security").write_bytes(PrivateKey.generate("ecdsa-p256").pem())
    terminal.home = world.home.path

    rows = {row["role"]: row["operator"] for row in terminal.holds("keys", "list")["keys"]}

    assert rows["security"] is None
    assert rows["publisher"] == "kennel"
    assert "not in the trusted root" in terminal("keys", "list").out
    world.check()


def test_a_sealed_home_lists_its_keys_without_a_passphrase_and_says_so(terminal, monkeypatch) -> None:
    monkeypatch.setenv("STUDBOOK_PASSPHRASE", "geheim")
    terminal.holds("init", "--operator", "acme")
    opened = terminal.holds("keys", "list")["keys"]
    assert all(row["opened"] for row in opened)
    monkeypatch.delenv("STUDBOOK_PASSPHRASE")
    monkeypatch.setattr(session, "passphrase", lambda name: pytest.fail(f"{name} was asked for"))

    closed = terminal.holds("keys", "list")["keys"]

    assert closed == [row | {"opened": False} for row in opened]
    shown = terminal("keys", "list")
    assert shown.out.splitlines()[1].split()[:4] == ["root", opened[0]["key"], "ecdsa-p256", "acme"]
    assert (
        "are sealed and were not opened: these are the keys that version 1 of the trusted root" in shown.err
    )


def test_which_of_two_keys_a_sealed_file_holds_is_not_guessed(terminal, monkeypatch) -> None:
    monkeypatch.setenv("STUDBOOK_PASSPHRASE", "geheim")
    terminal.holds("init", "--operator", "acme")
    (terminal.folder / "second.pub").write_bytes(PrivateKey.generate("ecdsa-p256").public.pem())
    terminal.holds("root", "add-key", "second.pub", "--operator", "acme", "--role", "security")
    terminal.holds("root", "rotate", "publisher")
    time.sleep(
        1.1
    )  # a key that was replaced is good to the end of its last second, and its file could hold either
    new = {row["role"]: row["key"] for row in terminal.holds("keys", "list")["keys"]}
    monkeypatch.delenv("STUDBOOK_PASSPHRASE")

    rows = {row["role"]: row["key"] for row in terminal.holds("keys", "list")["keys"]}

    assert rows == new | {"security": None}
    line = next(one for one in terminal("keys", "list").out.splitlines() if one.startswith("security"))
    assert line.split()[:3] == ["security", "unknown", "unknown"]


def test_a_key_that_others_can_read_is_refused_though_it_is_not_opened(terminal, monkeypatch) -> None:
    monkeypatch.setenv("STUDBOOK_PASSPHRASE", "geheim")
    terminal.holds("init")
    monkeypatch.delenv("STUDBOOK_PASSPHRASE")
    (terminal.home / "keys" / "security.pem").chmod(0o644)
    refused = terminal("keys", "list")
    assert (refused.code, "others can reach this key" in refused.err) == (2, True)
