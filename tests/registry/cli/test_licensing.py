"""Asking about licenses: the answer, its exit code, and what a use changes."""

import pytest
from fastapi.testclient import TestClient
from rebuilding import URL
from world import World

from lineage.finding import KINDS
from lineage.licenses import discovered
from registry import site
from registry.app import create
from registry.cli.licensing import UseName
from registry.cli.session import out
from signing import canonical


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal wide enough for every cell, whatever the tests run in."""
    monkeypatch.setattr(out, "_width", 250)


@pytest.fixture
def family(world: World, terminal) -> dict[str, str]:
    """A base, a fine-tune that declares what it may not, and one that goes on as it should."""
    terminal.home = world.home.path
    world.decide(shut=False)
    base = world.model(name="kennel/base", license="llama3.1")
    return {
        "base": base,
        "lost": world.model(base, name="kennel/lost", license="apache-2.0"),
        "kept": world.model(base, name="kennel/Llama-kept", license="llama3.1"),
        "bare": world.model(base, name="kennel/Llama-bare"),
    }


@pytest.mark.usefixtures("family")
def test_a_lineage_that_contradicts_nothing_is_ok_and_shows_duties_and_origins(terminal) -> None:
    said = terminal("license", "kennel/Llama-kept")

    assert said.code == 0, said
    assert "ok" in said.out.splitlines()[0]
    assert "commercial use: conditional; to be passed on: terms" in said.out
    assert "LIC-THRESHOLD info: llama3.1, declared by kennel/base" in said.out
    assert "by way of kennel/base → kennel/Llama-kept" in said.out
    assert "display 'Built with Llama'" in said.out
    assert "not judged: LIC-DISPLAY-MISSING" in said.out
    assert "Not legal advice" in said.out


def test_a_conflict_ends_with_1_and_says_the_same_as_json(terminal, family) -> None:
    said, machine = terminal("license", "kennel/lost"), terminal("license", "kennel/lost", "--json")

    assert (said.code, machine.code) == (1, 1)
    value = machine.json
    assert (value["outcome"], value["artifact"], value["at_least"]) == ("conflict", family["lost"], False)
    assert [one["kind"] for one in value["findings"]] == [
        "LIC-PERMISSIVE-OVER",
        "LIC-NAME-PREFIX",
        "LIC-THRESHOLD",
    ]
    for one in value["findings"]:
        assert one["sentence"] in said.out
        assert (one["origin"], one["via"]) == (family["base"], [family["base"], family["lost"]])
        assert (one["verified"], one["rules"]) == (True, 1)
    assert value["names"][family["base"]] == ["kennel/base"]
    assert "Not legal advice" in value["notice"]
    mine, above = value["terms"]
    assert (mine["license"], mine["inherited"]) == ("apache-2.0", False)
    assert (above["license"], above["inherited"], above["via"]) == (
        "llama3.1",
        True,
        [family["base"], family["lost"]],
    )


@pytest.mark.usefixtures("family")
def test_what_declares_nothing_is_unknown_and_its_terms_are_a_lower_bound(terminal) -> None:
    said = terminal("license", "kennel/Llama-bare")

    assert said.code == 1
    assert "unknown" in said.out.splitlines()[0]
    assert "at least, since not everything is known" in said.out
    assert "kennel/Llama-bare declares no license" in said.out


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--use", "commercial"), 1, "how many there are was not said"),
        (("--use", "commercial", "--mau", "1000"), 0, "above 700,000,000 monthly users"),
        (("--mau", "700000001"), 1, "and there are 700,000,001"),
        (("--mau", "1e9"), 1, "and there are 1,000,000,000"),
        (("--mau", "1,000"), 0, "above 700,000,000 monthly users"),
        (("--revenue", "5"), 0, "ok"),
        (("--territory", "de"), 0, "ok"),
        (("--private",), 0, "ok"),
        (("--gated",), 0, "ok"),
        (("--ungated",), 1, "is given to anybody"),
    ],
)
@pytest.mark.usefixtures("family")
def test_a_use_is_judged_by_what_is_said_of_it(terminal, options, code: int, says: str) -> None:
    said = terminal("license", "kennel/Llama-kept", *options)
    assert (said.code, says in said.out) == (code, True), said


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--territory", "Germany"), "territory"),
        (("--mau", "9" * 16), "999,999,999,999,999"),
        (("--mau", "many"), "'many' is no number"),
        (("--revenue", "1.5"), "no whole number"),
        (("--use", "military"), "military"),
    ],
)
@pytest.mark.usefixtures("family")
def test_a_use_that_is_none_is_refused(terminal, options, says: str) -> None:
    terminal.refuses(("license", "kennel/Llama-kept", *options), 2, (says,))


def test_what_is_kept_private_may_be_adapted(world: World, terminal) -> None:
    terminal.home = world.home.path
    base = world.model(license="cc-by-nd-4.0")
    tuned = world.model(base, license="cc-by-nd-4.0")

    assert terminal("license", tuned).code == 1
    assert terminal("license", tuned, "--private").code == 0


def test_a_card_is_looked_at_for_what_has_to_be_shown(terminal, family) -> None:
    card = terminal.folder / "card.md"
    card.write_text(
        "Built with Llama.\nLlama 3.1 is licensed under the Llama 3.1 Community License, Copyright"
    )
    assert terminal("license", family["kept"], "--card", card).code == 0

    card.write_text("Built with Llama.")
    said = terminal("license", family["kept"], "--card", card)
    assert said.code == 1
    assert "LIC-DISPLAY-MISSING low: kennel/Llama-kept does not show 'Llama 3.1 is licensed" in said.out
    assert "nobody looked at what its card shows" not in said.out

    card.write_bytes(b"\xff")
    terminal.refuses(("license", family["kept"], "--card", "card.md"), 2, ("card.md is not UTF-8",))
    terminal.refuses(("license", family["kept"], "--card", "nowhere"), 2, ("nowhere",))


def test_show_names_the_licenses_that_reach_an_artifact(terminal, family) -> None:
    found = terminal.holds("show", "kennel/lost")

    assert found["inherited"] == [
        {"license": "llama3.1", "settled": True, "via": [family["base"], family["lost"]]}
    ]
    assert f"llama3.1 from {family['base'][:19]}" in terminal("show", "kennel/lost").out
    assert "nothing: no license above reaches it" in terminal("show", "kennel/base").out


def test_what_may_reach_an_artifact_is_shown_as_unsettled(world: World, terminal) -> None:
    terminal.home = world.home.path
    base = world.model(name="kennel/base", license="cc-by-nc-4.0")
    world.adapter(base)
    adapter = world.descendants(base).pop()

    assert "cc-by-nc-4.0 from" in terminal("show", adapter).out
    assert ", unsettled" in terminal("show", adapter).out
    assert "unsettled" in terminal("license", adapter).out


def test_terms_that_nobody_read_say_so(world: World, terminal) -> None:
    terminal.home = world.home.path
    base = world.model(name="kennel/base", license="mrl")
    child = world.model(base, license="apache-2.0")
    unread = world.model(name="kennel/unread", license="intel-research")

    assert "(remembered, not read)" in terminal("license", child).out
    said = terminal("license", unread)
    assert (said.code, "read the text: what intel-research asks is remembered" in said.out) == (1, True)


def test_the_licenses_that_are_known_are_listed_with_what_was_read(terminal) -> None:
    said, listed = terminal("licenses"), terminal.holds("licenses")

    assert [one["license"] for one in listed] == list(discovered())
    (gemma,) = (one for one in listed if one["license"] == "gemma")
    assert "remote_restrict" in gemma["restrictions"]
    assert any(one.startswith("text: ") and one.endswith("read 2026-11-21") for one in gemma["sources"])
    for one in listed:
        assert one["license"] in said.out
    assert [one.value for one in UseName] == ["commercial"]


def test_the_rules_are_listed_with_how_grave_they_are(terminal) -> None:
    said, listed = terminal("licenses", "--rules"), terminal.holds("licenses", "--rules")

    assert {one["kind"]: one["severity"] for one in listed} == {
        kind: grave for kind, (grave, _) in KINDS.items()
    }
    assert all(one["kind"] in said.out and one["says"] in said.out for one in listed)
    assert "rule-set 1" in said.out


def test_a_registry_answers_the_same(world: World, terminal, family, monkeypatch) -> None:
    home = terminal(
        "license", family["lost"], "--json", "--use", "commercial", "--territory", "EU", "--private"
    )
    client = TestClient(create(world.home), base_url=URL)
    monkeypatch.setattr(site.httpx, "Client", lambda **_: client)
    terminal.home = terminal.folder / "client" / "home"

    there = terminal(
        "license", family["lost"], "--json", "--use", "commercial", "--territory", "EU", "--private",
        "--registry", URL,
    )  # fmt: skip

    # The served application logs to the same standard output, before the answer.
    assert there.code == 1
    (terminal.folder / "card.md").write_text("Built with Llama")
    refused = terminal("license", family["lost"], "--registry", URL, "--card", "card.md")
    assert (refused.code, "judges no cards" in refused.err) == (2, True)
    assert canonical.decode(there.out.splitlines()[-1].encode()) == home.json
