"""`studbook root`: who may say what is shown, added, ended and rotated, by as many operators as must sign."""

import pytest
from making import floats, write_model

from registry.store import keys
from signing.keys import PrivateKey


@pytest.fixture
def registry(terminal):
    """A home with one registered model."""
    terminal.holds("init", "--operator", "acme")
    write_model(terminal.folder / "m", {"w": ("F32", (2,), floats([1, 2]))})
    terminal.holds("add", "m", "--name", "acme/m")
    return terminal


@pytest.fixture
def guest(registry):
    """Somebody else's key, public and private, in files."""
    key = PrivateKey.generate("ecdsa-p256")
    keys.keep(registry.folder / "guest.pem", key)
    (registry.folder / "guest.pub").write_bytes(key.public.pem())
    return key


def listed(terminal, role):
    return [key for key in terminal.holds("root", "show")["keys"] if role in key["roles"]]


def test_a_key_is_added_and_shown(registry, guest) -> None:
    words = (
        "--operator",
        "guest",
        "--role",
        "publisher",
        "--namespace",
        "guest",
        "--contact",
        "g@example.org",
    )
    assert registry.holds("root", "add-key", "guest.pub", *words)["version"] == 2
    (mine, theirs) = listed(registry, "publisher")
    assert (theirs["operator"], theirs["namespaces"], theirs["contact"]) == (
        "guest",
        ["guest"],
        "g@example.org",
    )
    assert mine["operator"] == "acme"
    shown = registry("root", "show").out
    assert guest.public.id[:12] in shown
    assert "version 2 of studbook.local/" in shown
    assert [key["operator"] for key in registry.holds("root", "show", "--version", "1")["keys"]] == [
        "acme"
    ] * 4
    assert "versions 1 to 2 of the trusted root, and no 3" in registry("root", "show", "--version", "3").err


def test_a_key_is_ended_and_what_it_signed_since_is_named(registry) -> None:
    (publisher,) = listed(registry, "publisher")
    key = keys.load(registry.home / "keys" / "publisher.pem").public.id
    (registry.home / "keys" / "publisher.pem").replace(registry.folder / "stolen.pem")
    found = registry.holds("root", "revoke", key[:16], "--at", str(int(publisher["validFor"]["start"]) - 1))
    assert found["voided"] == [1, 2, 3]
    rows = registry.holds("log", "show")["entries"]
    assert [row["void_since"] for row in rows] == [None, 4, 4, 4, None]
    assert registry("show", "acme/m").code == 2
    assert "takes back the end of the key" in registry("root", "revoke", key, "--at", "now").err


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ("yesterday", "'yesterday' is no time: write now, unix seconds, 2026-01-31T12:00:00Z with its zone"),
        ("2026-01-31T12:00:00", "is no time"),
        ("entry:99", "the log has no entry 99"),
        ("-5", "is no time"),
    ],
)
def test_a_time_that_is_none_is_refused(registry, when, sentence) -> None:
    key = keys.load(registry.home / "keys" / "publisher.pem").public.id
    refused = registry("root", "revoke", key, "--at", when)
    assert refused.code == 2
    assert sentence in refused.err


def test_a_key_that_is_not_there_or_not_one_is_refused(registry) -> None:
    assert (
        "'ffffffff' names 0 keys of version 1; write 8 or more"
        in registry("root", "revoke", "ffffffff", "--at", "now").err
    )
    assert "names 4 keys" in registry("root", "revoke", "", "--at", "now").err


def test_a_role_gets_a_new_key_and_nothing_falls(registry) -> None:
    old = keys.load(registry.home / "keys" / "publisher.pem").public
    said = registry("root", "rotate", "publisher")
    assert said.code == 0
    new = keys.load(registry.home / "keys" / "publisher.pem").public
    assert new != old
    assert f"is now the key {new.id}" in said.err
    assert keys.load(registry.home / "keys" / f"publisher.{old.id[:16]}.pem").public == old
    before, after = listed(registry, "publisher")
    assert before["validFor"]["end"] == after["validFor"]["start"]
    assert registry.holds("verify", "m")["holds"] is True
    registry.holds("add", "m", "--name", "acme/again")
    assert registry.holds("log", "fsck")["findings"] == []
    assert "a log keeps its key" in registry("root", "rotate", "log").err
    assert "'dog' is no role" in registry("root", "rotate", "dog").err


def test_a_rotation_that_was_stopped_before_the_new_key_was_used_goes_on(registry, monkeypatch) -> None:
    from registry.work import roots

    with monkeypatch.context() as patched:
        patched.setattr(roots, "adopt", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert registry("root", "rotate", "root").code != 0
    version = registry.holds("root", "show")["version"]
    assert version == "2"
    assert registry("root", "rotate", "root").code == 0
    assert registry.holds("root", "show")["version"] == version
    registry.holds("root", "rotate", "security")


@pytest.mark.usefixtures("guest")
def test_two_operators_change_the_root_together(registry) -> None:
    registry.holds("root", "add-key", "guest.pub", "--operator", "guest", "--role", "root")
    registry.holds("root", "threshold", "2")
    alone = registry("root", "threshold", "1")
    assert alone.code == 2
    assert (
        "2 operators must sign version 4 of the trusted root, and this home signs as acme: write it with --out FILE"
        in alone.err
    )

    assert registry.holds("root", "threshold", "1", "--out", "change.json")["signed"] == ["acme"]
    early = registry("root", "submit", "change.json")
    assert early.code == 1
    assert "needs 2 operators with the role root" in early.err
    twice = registry.holds("root", "sign", "change.json")
    assert (twice["signed"], twice["needed"]) == (["acme"], 2)
    signed = registry("root", "sign", "change.json", "--key", "guest.pem")
    assert "asks for 1 operator, 2 before" in signed.out
    assert "signed by acme, guest; `studbook root submit change.json` logs it" in signed.out
    assert registry.holds("root", "submit", "change.json")["version"] == 4
    assert (
        "version 4 of the trusted root, where version 5 is due"
        in registry("root", "submit", "change.json").err
    )
    assert registry.holds("log", "fsck")["findings"] == []


def test_a_root_is_founded_by_several_operators(terminal) -> None:
    for name in ("ben", "cat"):
        (terminal.folder / f"{name}.pub").write_bytes(PrivateKey.generate("ecdsa-p256").public.pem())
    words = ("--operator", "anna", "--holder", "ben=ben.pub", "--holder", "cat=cat.pub", "--threshold", "2")
    terminal.holds("root", "init", *words)
    assert [key["operator"] for key in listed(terminal, "root")] == ["anna", "ben", "cat"]
    assert terminal.holds("root", "show")["threshold"] == "2"
    assert "2 operators must sign version 3 of the trusted root" in terminal("root", "threshold", "3").err
    assert "has a trusted root already, version 2" in terminal("root", "init", *words).err
    assert "'ben' names no holder; write OPERATOR=FILE" in terminal("root", "init", "--holder", "ben").err


@pytest.mark.usefixtures("guest")
def test_a_proposal_is_signed_by_root_keys_alone_and_is_a_root(registry) -> None:
    registry.holds("root", "threshold", "1", "--out", "change.json")
    assert (
        "holds no root role in version 1" in registry("root", "sign", "change.json", "--key", "guest.pem").err
    )
    bundle = registry.folder / "bundle"
    registry("log", "prove", "1", "--out", bundle)
    from signing.bundle import Bundle

    (registry.folder / "other.json").write_bytes(Bundle.parse(bundle.read_bytes().strip()).envelope)
    assert "is no version of a trusted root" in registry("root", "sign", "other.json").err


def test_a_key_may_come_from_the_environment(registry, guest, monkeypatch) -> None:
    registry.holds("root", "add-key", "guest.pub", "--operator", "guest", "--role", "root")
    registry.holds("root", "threshold", "2", "--out", "change.json")
    assert (
        "the environment has no GUEST_KEY"
        in registry("root", "sign", "change.json", "--key", "env://GUEST_KEY").err
    )
    monkeypatch.setenv("GUEST_KEY", guest.pem(b"geheim").decode())
    sealed = registry("root", "sign", "change.json", "--key", "env://GUEST_KEY")
    assert "env://GUEST_KEY is sealed with a passphrase: set STUDBOOK_PASSPHRASE" in sealed.err
    monkeypatch.setenv("STUDBOOK_PASSPHRASE", "geheim")
    assert registry.holds("root", "sign", "change.json", "--key", "env://GUEST_KEY")["signed"] == [
        "acme",
        "guest",
    ]


def test_a_home_whose_keys_are_sealed_asks_for_the_passphrase(terminal, monkeypatch) -> None:
    monkeypatch.setenv("STUDBOOK_PASSPHRASE", "geheim")
    terminal.holds("init", "--operator", "acme")
    assert all(b"ENCRYPTED" in file.read_bytes() for file in (terminal.home / "keys").iterdir())
    terminal.holds("root", "rotate", "security")
    assert all(b"ENCRYPTED" in file.read_bytes() for file in (terminal.home / "keys").iterdir())
    write_model(terminal.folder / "m", {"w": ("F32", (2,), floats([1, 2]))})
    monkeypatch.setenv("STUDBOOK_PASSPHRASE", "falsch")
    wrong = terminal("add", "m")
    assert wrong.code == 2
    assert "this private key does not open" in wrong.err
    assert str(terminal.home / "keys") in wrong.err
    assert "falsch" not in wrong.err
    monkeypatch.delenv("STUDBOOK_PASSPHRASE")
    assert "is sealed with a passphrase: set STUDBOOK_PASSPHRASE" in terminal("add", "m").err
    assert terminal.holds("log", "fsck")["findings"] == [], "reading needs no key"
    assert "no terminal to ask for a passphrase" in terminal("init", "--seal").err
