"""incident status: said by a command, shown by the commands that show incidents, and refused in a sentence."""

import shutil

import pytest
from fastapi.testclient import TestClient

from registry.app import create
from registry.home import Home


@pytest.fixture
def litter(terminal, kennel):
    """A home of one's own, with everything the kennel has."""
    shutil.copytree(kennel.folder, terminal.folder, symlinks=True, dirs_exist_ok=True)
    return terminal


def cleared(incident: str, ref: str, *more: str) -> tuple[str, ...]:
    why = ("--justification", "vulnerable_code_not_present", "--note", "see [red]:bug:[/red]")
    return ("incident", "status", incident, ref, "not_affected", *why, *more)


def test_a_status_is_said_shown_and_stops_what_it_may(litter, monkeypatch: pytest.MonkeyPatch) -> None:
    reported = litter.holds("incident", "report", "kennel/base", "--summary", "x")["incident"]
    said = litter(*cleared(reported[:12], "kennel/one", "--expires", "9999-01-31"))
    assert (said.code, "kennel/one is not affected, entry" in said.out) == (0, True), said
    both = litter.holds(*cleared(reported, "kennel/both", "--expires", "9999-01-31T12:00:00Z"))
    assert (both["status"], both["expires"]) == ("not_affected", 253373400000)

    shown = litter("status", "kennel/both")
    assert shown.code == 1
    line = "not affected until 9999-01-31 12:00 UTC (vulnerable_code_not_present): see [red]:bug:[/red]; said by kennel"
    assert line in shown.out
    assert "not affected until" in litter("show", "kennel/both").out
    assert "not affected until" in litter("descendants", "kennel/base").out
    assert "not affected until" in litter("incident", "owners", reported).out
    assert "affected already, not affected until" in litter("simulate", "report", "kennel/base").out
    message = litter("incident", "owners", reported, "--message", "kennel").out
    assert "found to be not affected: see [red]:bug:[/red]" in message
    assert f"for {both['artifact']}: {line}" in litter("incident", "show", reported).out
    told = litter.holds("incident", "show", reported)
    assert (told["assessed"], [one["status"] for one in told["statuses"]]) == (2, ["not_affected"] * 2)
    assert '"status":"not_affected"' in litter("export", reported, "--format", "openvex").out
    assert "stop" not in litter("descendants", "kennel/base").out + litter("reach", "kennel/base").out

    monkeypatch.setenv("STUDBOOK_NOT_AFFECTED_STOPS", "true")
    shown = litter("status", "kennel/both")
    assert (shown.code, "stopped by a status" in shown.out) == (0, True), shown
    for words in (
        ("descendants", "kennel/base"),
        ("reach", "kennel/base"),
        ("simulate", "report", "kennel/base"),
    ):
        assert "incidents stop at what a status says they do not affect" in litter(*words).out, words
    with TestClient(create(Home.open(litter.home))) as api:
        found = api.get(f"/artifacts/{both['artifact']}").json()
        assert (found["standing"]["state"], len(found["stopped"])) == ("clean", 1)
        assert found["stopped"][0]["status"]["justification"] == "vulnerable_code_not_present"
        owners = api.get(f"/incidents/{reported}/owners").json()["owners"][0]["artifacts"]
        assert {"not_affected", None} == {one["status"] and one["status"]["status"] for one in owners}
    assert litter.holds("log", "fsck")["findings"] == []


def test_what_was_fixed_names_what_to_take_instead(litter) -> None:
    reported = litter.holds("incident", "report", "kennel/base", "--summary", "x")["incident"]
    fixed = (
        "incident",
        "status",
        reported,
        "kennel/one",
        "fixed",
        "--corrected",
        "kennel/spare",
        "--note",
        "y",
    )
    refused = litter(*fixed)
    assert (refused.code, "does not supersede" in refused.err) == (2, True), refused
    ids = {one: litter.holds("show", f"kennel/{one}")["artifact"] for one in ("one", "spare")}
    (litter.folder / "earlier.json").write_text(f'{{"artifact":"{ids["one"]}"}}')
    litter.holds(
        "attest",
        "kennel/spare",
        "--type",
        "https://studbook.dev/supersedes/v1",
        "--predicate",
        "earlier.json",
    )
    assert litter(*fixed).code == 0
    assert f"fixed, take {ids['spare'][:19]}: y" in litter("status", "kennel/one").out


REFUSED = {
    "'fine' is no status; choose one of affected, not_affected": ("kennel/one", "fine", "--note", "x"),
    "no justification": ("kennel/one", "not_affected", "--note", "x", "--justification", "trust me"),
    "has a justification and an expiry": ("kennel/one", "not_affected", "--note", "x"),
    "'soon' is no time: write 2027-01-31": ("kennel/one", "affected", "--note", "x", "--expires", "soon"),
    "does not reach sha256:": ("kennel/spare", "affected", "--note", "x"),
    "kennel/nobody": ("kennel/nobody", "affected", "--note", "x"),
    "note": ("kennel/one", "affected", "--note", "two\nlines"),
}


def test_what_it_cannot_say_it_refuses(litter) -> None:
    reported = litter.holds("incident", "report", "kennel/base", "--summary", "x")["incident"]
    for why, words in REFUSED.items():
        litter.refuses(("incident", "status", reported, *words), 2, (why,))
