"""keys list and keys export: what a home holds, and only public halves leave it."""

import pytest

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
