"""`studbook log redact`: it says what will be gone, asks, and removes it for ever."""

import io
import sys

import pytest
from making import floats, write_model

from lineage.predicates import redaction
from lineage.residue import Residue
from registry.store import keys
from signing.digest import sha256_hex
from signing.dsse import sign
from signing.keys import PrivateKey


@pytest.fixture
def registry(terminal):
    terminal.holds("init", "--operator", "acme")
    write_model(terminal.folder / "m", {"w": ("F32", (2,), floats([1, 2]))})
    terminal.holds("add", "m", "--name", "acme/jane-doe")
    return terminal


def test_an_entry_is_redacted_and_every_command_says_so(registry) -> None:
    artifact = registry.holds("show", "acme/jane-doe")["artifact"]
    done = registry.holds("log", "redact", "1", "--order", "court 17", "--yes")
    assert (done["leaves"], done["redacted_by"], done["unknown"]) == ([1], 4, [artifact])

    assert registry.holds("log", "fsck")["remarks"] == ["entry 1 is redacted by entry 4: court 17"]
    listed = registry.holds("log", "show")["entries"]
    assert listed[1]["statement"] == "removed by an order"
    unknown = registry("status", artifact)
    assert unknown.code == 1
    assert "unknown" in unknown.out
    assert "was removed; its leaf and proof remain" in registry("log", "prove", "1").err
    assert registry("verify", "m").code != 0
    registry("bundle", artifact, "--out", "m.jsonl")
    (told,) = registry.holds("verify", "m.jsonl")["removed"]
    assert (told["by"], told["order"], told["unknown"]) == (4, "court 17", [artifact])
    shown = registry("verify", "m.jsonl").out
    assert "removed entry" in shown
    assert "a signature/v1.0, by entry 4 of acme under an order: court 17; sha256:" in shown
    assert "is unknown since" in shown

    again = registry("log", "redact", done["entry"], "--order", "court 17", "--yes")
    assert again.code == 2
    assert "the payload of entry 1 is gone already" in again.err


def test_it_asks_before_it_removes(registry, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    refused = registry("log", "redact", "3", "--order", "court 17")
    assert refused.code == 1
    assert "entry 3, a name/v1, loses its words for ever" in refused.err
    assert registry.holds("show", "acme/jane-doe")["names"] == ["acme/jane-doe"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert registry("log", "redact", "3", "--order", "court 17").code == 0
    assert registry("show", "acme/jane-doe").code == 2


@pytest.fixture
def held_by_two(registry):
    """The root is acme's and guest's, and both must sign."""
    guest = PrivateKey.generate("ecdsa-p256")
    keys.keep(registry.folder / "guest.pem", guest)
    (registry.folder / "guest.pub").write_bytes(guest.public.pem())
    registry.holds("root", "add-key", "guest.pub", "--operator", "guest", "--role", "root")
    registry.holds("root", "threshold", "2")
    return registry


def test_two_operators_redact_together(held_by_two) -> None:
    artifact = held_by_two.holds("show", "acme/jane-doe")["artifact"]
    alone = held_by_two("log", "redact", "1", "--order", "court 17", "--yes")
    assert alone.code == 2
    assert "2 operators must sign the redaction of entry" in alone.err
    assert "and this home signs as acme: write it with --out FILE for the others" in alone.err

    begun = held_by_two.holds("log", "redact", "1", "--order", "court 17", "--out", "order.json")
    assert (begun["leaves"], begun["unknown"], begun["order"]) == ([1], [artifact], "court 17")
    assert (begun["signed"], begun["needed"]) == (["acme"], 2)
    early = held_by_two("root", "submit", "order.json", "--yes")
    assert early.code == 1
    assert "redaction/v1 needs 2 operators with the role root" in early.err
    signed = held_by_two("root", "sign", "order.json", "--key", "guest.pem")
    assert "order.json: the redaction of entry" in signed.out
    assert "entry 1, a signature/v1.0, loses its words for ever: court 17" in signed.out
    assert f"{artifact} becomes unknown, and so does what is made of it" in signed.out
    assert "signed by acme, guest; `studbook root submit order.json` logs it" in signed.out
    assert held_by_two.holds("log", "fsck")["remarks"] == [], "nothing is gone before it is logged"

    done = held_by_two.holds("root", "submit", "order.json", "--yes")
    assert (done["leaves"], done["redacted_by"], done["unknown"]) == ([1], 6, [artifact])
    report = held_by_two.holds("log", "fsck")
    assert (report["findings"], report["remarks"]) == ([], ["entry 1 is redacted by entry 6: court 17"])
    again = held_by_two("root", "submit", "order.json", "--yes")
    assert again.code == 2
    assert "the payload of entry 1 is gone already" in again.err


def test_whoever_submits_a_redaction_is_asked_too(held_by_two, monkeypatch) -> None:
    held_by_two.holds("log", "redact", "1", "--order", "court 17", "--out", "order.json")
    held_by_two.holds("root", "sign", "order.json", "--key", "guest.pem")
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    refused = held_by_two("root", "submit", "order.json")
    assert refused.code == 1
    assert "loses its words for ever: court 17" in refused.err
    assert held_by_two.holds("log", "fsck")["remarks"] == []
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert held_by_two("root", "submit", "order.json").code == 0
    assert len(held_by_two.holds("log", "fsck")["remarks"]) == 1


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [("1", "and the entry leaves"), ("99", "is in this log, so it cannot be redacted")],
)
def test_nobody_signs_a_redaction_that_could_not_be_logged(registry, entry, sentence) -> None:
    """Or a false account of what the entry said would pass through hands that could have known."""
    shown = {str(row["index"]): row["entry"] for row in registry.holds("log", "show")["entries"]}
    which = shown.get(entry, sha256_hex(b"nothing"))
    said = redaction.statement(which, "court 17", Residue("https://studbook.dev/manifest/v1", ()))
    root = keys.load(registry.home / "keys" / "root.pem")
    (registry.folder / "order.json").write_bytes(sign(said.encode(), [root]).encode())
    for command in ("sign", "submit"):
        refused = registry("root", command, "order.json")
        assert refused.code == 2
        assert sentence in refused.err


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("99", "the log has no entry 99"),
        ("f" * 64, "is no entry of this log"),
        ("0", "a 'rooted' fact is never removed"),
    ],
)
def test_what_cannot_be_redacted_is_refused(registry, entry, sentence) -> None:
    refused = registry("log", "redact", entry, "--order", "x", "--yes")
    assert refused.code == 2
    assert sentence in refused.err
