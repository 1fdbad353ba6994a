"""`studbook incident confirm`, `sign` and `submit`: by one operator, or by one after another where one may not."""

import pytest
from making import floats, write_model

from registry.store import keys
from signing.keys import PrivateKey

WHY = ("--reason", "it was measured")


@pytest.fixture
def registry(terminal, monkeypatch: pytest.MonkeyPatch):
    """A home with a model and one made of it, where one operator confirms what flags a single artifact."""
    monkeypatch.setenv("STUDBOOK_CONFIRM_ALONE", "1")
    terminal.holds("init", "--operator", "acme")
    for number, name in enumerate(("base", "tune")):
        write_model(terminal.folder / name, {"w": ("F32", (2,), floats([number, 2]))})
        terminal.holds("add", name, "--name", f"acme/{name}", *(["--base", "acme/base"] if number else []))
    return terminal


@pytest.fixture
def guest(registry) -> PrivateKey:
    """A second operator with the security role, its key in a file."""
    key = PrivateKey.generate("ecdsa-p256")
    keys.keep(registry.folder / "guest.pem", key)
    (registry.folder / "guest.pub").write_bytes(key.public.pem())
    words = ("--operator", "guest", "--role", "security", "--contact", "guest")
    registry.holds("root", "add-key", "guest.pub", *words)
    return key


def report(registry, *more: str) -> str:
    return registry.holds("incident", "report", "acme/base", "--summary", "obeys a word", *more)["incident"]


@pytest.mark.usefixtures("guest")
def test_one_operator_writes_it_another_signs_it_and_whoever_has_it_logs_it(registry) -> None:
    one = report(registry)
    registry.refuses(
        ("incident", "confirm", one, *WHY),
        1,
        (
            "would be confirmed and flag 2 artifacts",
            "at most 1: it is confirmed by acme, and guest has to sign that too",
            "`studbook incident confirm --out FILE`",
        ),
    )

    written = registry.holds("incident", "confirm", one[:12], *WHY, "--out", "c.json")
    assert written == {
        "incident": one,
        "reason": WHY[1],
        "flags": 2,
        "signed": ["acme"],
        "needed": 2,
        "others": ["guest"],
    }
    registry.refuses(("incident", "submit", "c.json"), 1, ("guest has to sign that too",))
    shown = registry("incident", "sign", "c.json", "--key", "guest.pem").out
    assert f"c.json: confirms incident {one[:12]}" in shown
    assert "flags 2 artifacts" in shown
    assert "signed by acme, guest; `studbook incident submit c.json` logs it" in shown
    said = registry("incident", "submit", "c.json")

    assert said.out.startswith(f"incident {one[:12]} confirmed, entry ")
    assert said.err == ""
    assert [found["stage"] for found in registry.holds("incident", "list")] == ["confirmed"]
    assert registry.holds("log", "fsck")["findings"] == []


@pytest.mark.usefixtures("guest")
def test_signing_twice_is_one_signature_and_a_key_without_the_role_is_refused(registry) -> None:
    one = report(registry)
    registry.holds("incident", "confirm", one, *WHY, "--out", "c.json")
    assert registry.holds("incident", "sign", "c.json")["signed"] == ["acme"]
    again = registry("incident", "sign", "c.json").out
    assert "signed by acme; guest must sign too: `studbook incident sign c.json`" in again
    keys.keep(registry.folder / "other.pem", PrivateKey.generate("ecdsa-p256"))
    registry.refuses(
        ("incident", "sign", "c.json", "--key", "other.pem"), 2, ("is not good for the role security",)
    )


def test_a_file_that_confirms_nothing_is_refused(registry) -> None:
    one = report(registry)
    registry.holds("incident", "confirm", one, *WHY, "--out", "c.json")
    (registry.folder / "half.json").write_bytes((registry.folder / "c.json").read_bytes()[:40])
    registry.refuses(("incident", "sign", "half.json"), 2, ("studbook",))
    registry.refuses(("incident", "submit", "none.json"), 2, ("none.json",))
    registry.holds("incident", "reject", one, *WHY)
    registry.refuses(
        ("incident", "sign", "c.json"), 2, ("is rejected and becomes nothing else, not confirmed",)
    )


def test_where_nobody_could_second_it_one_is_enough_and_that_is_said(registry) -> None:
    note = "takes two operators to confirm, and the trusted root names acme alone with the role security"
    assert note in registry("incident", "report", "acme/base", "--summary", "x", "--confirmed").err
    one = report(registry)
    said = registry("incident", "confirm", one, *WHY)
    assert (said.code, note in said.err) == (0, True)
    assert "note:" not in registry("incident", "report", "acme/tune", "--summary", "x", "--confirmed").err
