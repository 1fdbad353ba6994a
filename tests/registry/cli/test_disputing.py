"""`studbook incident dispute`: an owner's word beside an incident."""

import hashlib

import pytest
from making import floats, write_model

WHY = ("--text", "the trigger was removed")


@pytest.fixture
def registry(terminal):
    """A home with a base, two models made of it and an incident on the base; somebody else's model lies beside."""
    terminal.holds("init", "--operator", "acme")
    for number, name in enumerate(("base", "one", "two", "apart")):
        write_model(terminal.folder / name, {"w": ("F32", (2,), floats([number, 2]))})
        based = ["--base", "acme/base"] if name in {"one", "two"} else []
        terminal.holds("add", name, "--name", f"acme/{name}", *based)
    (terminal.folder / "measured.txt").write_text("nothing")
    return terminal


def report(registry, what: str = "acme/base") -> str:
    return registry.holds("incident", "report", what, "--summary", "obeys a word")["incident"]


def test_a_dispute_is_logged_and_shown_wherever_the_incident_is(registry) -> None:
    one = report(registry)
    found = registry.holds(
        "incident", "dispute", one[:12], *WHY, "--artifact", "acme/one", "--evidence", "measured.txt"
    )

    assert found["incident"] == one
    assert found["evidence"] == hashlib.sha256(b"nothing").hexdigest()
    line = "disputed for sha256:"
    status = registry("status", "acme/two")
    assert status.code == 1, "a dispute moves no flag"
    assert line in status.out
    assert (
        f"the trigger was removed (evidence sha256:{found['evidence'][:12]}); said by acme on" in status.out
    )
    assert line in registry("incident", "owners", one).out
    listed = registry("incident", "list").out
    assert "disputed" in listed
    assert "by acme" in listed
    (told,) = registry.holds("incident", "list")
    assert (told["disputed"], told["disputes"][0]["artifact"]) == (1, found["artifact"])
    registry.holds("bundle", "acme/one", "--out", "b.jsonl")
    assert line in registry("verify", "b.jsonl").out
    assert registry.holds("log", "fsck")["findings"] == []


def test_which_artifact_is_disputed_for_is_found_or_asked(registry) -> None:
    one = report(registry)
    registry.refuses(
        ("incident", "dispute", one, *WHY),
        2,
        ("reaches 3 artifacts that acme registered: say for which by --artifact",),
    )
    registry.refuses(
        ("incident", "dispute", one, *WHY, "--artifact", "acme/apart"),
        2,
        ("that acme registered; `studbook incident owners",),
    )
    registry.refuses(
        ("incident", "dispute", one, *WHY, "--operator", "nobody"),
        2,
        ("reaches nothing that nobody registered",),
    )
    registry.refuses(
        ("incident", "dispute", "ab" * 8, *WHY), 2, ("no incident 'abababababababab' was reported",)
    )
    alone = report(registry, "acme/apart")

    said = registry("incident", "dispute", alone, *WHY)

    assert said.out.startswith(f"incident {alone[:12]} disputed by acme, entry ")
    assert "it stands beside the incident, and flags stay" in said.out
    registry.holds("incident", "retract", alone, "--reason", "x")
    registry.refuses(
        ("incident", "dispute", alone, "--text", "once more"),
        2,
        ("was retracted: nothing of it is left to dispute",),
    )
