"""`studbook incident embargo`, `reveal`, `embargoes` and `show`."""

import pytest
from making import floats, write_model

from registry.cli import session


@pytest.fixture
def registry(terminal, monkeypatch: pytest.MonkeyPatch):
    """A home with a base and a model made of it."""
    monkeypatch.setattr(session.out, "_width", 250)
    terminal.holds("init", "--operator", "acme")
    for number, name in enumerate(("base", "one")):
        write_model(terminal.folder / name, {"w": ("F32", (2,), floats([number, 2]))})
        terminal.holds("add", name, "--name", f"acme/{name}", *(["--base", "acme/base"] if number else []))
    return terminal


def test_an_incident_is_kept_back_then_revealed_and_shown_with_since_when(registry) -> None:
    assert "nothing was kept back" in registry("incident", "embargoes").out
    said = registry("incident", "embargo", "acme/base", "--summary", "obeys a word", "--out", "kept.json")
    assert said.code == 0, said
    assert "its words are in kept.json, and nowhere else: keep it" in said.out
    assert "obeys a word" not in registry("log", "show").out
    (kept,) = registry.holds("incident", "embargoes")
    assert (kept["revealed"], kept["operators"], kept["contact"]) == (False, ["acme"], "acme")
    assert registry.holds("incident", "list") == []
    assert registry("status", "acme/one").code == 0
    registry.refuses(
        ("incident", "embargo", "acme/base", "--summary", "x", "--out", "kept.json"), 2, ("File exists",)
    )

    found = registry.holds("incident", "reveal", "kept.json")

    assert found["incident"] == kept["incident"]
    assert found["known_since"] == {"time": kept["time"], "index": kept["index"]}
    assert registry("status", "acme/one").code == 1
    listed = registry("incident", "embargoes").out
    assert kept["incident"][:12] in listed
    assert "revealed" in listed
    shown = registry("incident", "show", found["incident"][:12]).out
    assert f"by entry {kept['index']}" in shown
    assert "known to acme since" in shown
    assert registry.holds("log", "fsck")["findings"] == []


def test_nothing_is_kept_back_as_confirmed(registry) -> None:
    """What one operator wrote as confirmed could not be revealed once it flags much."""
    asked = ("incident", "embargo", "acme/base", "--summary", "x", "--out", "kept.json", "--confirmed")
    registry.refuses(asked, 2, ("kept.json", "without --confirmed, reveal it, then confirm"))
    assert not (registry.folder / "kept.json").exists()
    assert registry.holds("incident", "embargoes") == []


def test_what_was_not_kept_back_is_refused(registry) -> None:
    registry.holds("incident", "embargo", "acme/base", "--summary", "x", "--out", "kept.json")
    kept = (registry.folder / "kept.json").read_bytes()
    (registry.folder / "other.json").write_bytes(kept.replace(b'"summary":"x"', b'"summary":"y"'))
    registry.refuses(("incident", "reveal", "other.json"), 2, ("a byte of its statement is another",))
    registry.refuses(("incident", "reveal", "none.json"), 2, ("none.json",))


def test_everything_about_an_incident_is_shown(registry) -> None:
    one = registry.holds("incident", "report", "acme/base", "--summary", "obeys a word")["incident"]
    registry.holds("incident", "dispute", one, "--text", "it does not", "--artifact", "acme/one")
    registry.holds("incident", "amend", one, "--severity", "critical", "--reason", "measured")
    registry.holds("incident", "confirm", one, "--reason", "it does")

    found = registry.holds("incident", "show", one)
    shown = registry("incident", "show", one[:12]).out

    assert [each["event"] for each in found["events"]] == ["reported", "disputed", "amended", "confirmed"]
    assert [each["severity"] for each in found["events"]] == ["high", "high", "critical", "critical"]
    assert {tuple(each["operators"]) for each in found["events"]} == {("acme",)}
    assert all(len(key) == 64 for each in found["events"] for key in each["keys"])
    assert (found["flagged"], found["left_out"], found["complete"], found["known"]) == (2, 0, True, [])
    assert found["owners"] == [{"operator": "acme", "contacts": ["acme"], "artifacts": 2}]
    assert f"incident {one[:12]}  compromised, critical, confirmed: obeys a word" in shown
    for line in (
        "flags 2 artifacts",
        "disputed for sha256:",
        "concerns acme, 2 artifacts",
        "measured",
        "it does",
    ):
        assert line in shown, line
    registry.refuses(("incident", "show", "ab" * 8), 2, ("no incident 'abababababababab' was reported",))
