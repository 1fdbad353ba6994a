"""Accepting conflicts of licenses at the command line and over HTTP: what is refused helps, what is accepted is told."""

import csv
import io

import pytest
from fastapi.testclient import TestClient
from making import floats, write_model
from rebuilding import URL
from refusals import problem
from world import World

from lineage.predicates import name
from registry import site
from registry.app import create
from registry.cli.session import out
from registry.client import Remote
from registry.store.gate import Contradicted
from signing.dsse import sign

RULES = ("LIC-PERMISSIVE-OVER", "LIC-NC-COMMERCIAL")
UNTIL = ("--until", "2027-06-30", "--reason", "we asked them")


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal wide enough for every cell, whatever the tests run in."""
    monkeypatch.setattr(out, "_width", 250)


@pytest.fixture
def base(world: World, terminal) -> str:
    terminal.home = world.home.path
    return world.model(name="kennel/base", license="cc-by-nc-4.0")


def weights(terminal, folder: str, shift: float) -> str:
    write_model(terminal.folder / folder, {"w": ("F32", (2, 2), floats([shift, 1, 2, 3]))})
    return folder


def test_a_folder_that_contradicts_its_base_gets_a_name_by_what_the_refusal_says(
    world: World, terminal, base
) -> None:
    folder = weights(terminal, "tuned", 9)
    whole = ("add", folder, "--name", "kennel/tuned", "--license", "apache-2.0", "--base", "kennel/base")
    size, said = world.size(), terminal(*whole)
    for words in (
        "kennel/tuned is not bound to sha256:",
        "LIC-",
        f"from {base}",
        "register it without a name",
    ):
        assert words in said.err
    assert (said.code, world.size()) == (2, size)

    artifact = terminal.holds("add", folder, "--license", "apache-2.0", "--base", "kennel/base")["artifact"]
    named = ("add", folder, "--name", "kennel/tuned")
    said = terminal(*named)
    assert (said.code, f"`studbook license waive {artifact} LIC-" in said.err) == (2, True), said
    assert "register it" not in said.err
    for rule in RULES:
        done = terminal.holds("license", "waive", folder, rule, "--name", "kennel/tuned", *UNTIL)
        assert done["waived"] == [{"license": "cc-by-nc-4.0", "origin": base}]
    assert terminal.holds(*named)["artifact"] == artifact

    shown, machine = terminal("license", "kennel/tuned"), terminal("license", "kennel/tuned", "--json")
    assert (shown.code, machine.code, machine.json["outcome"]) == (1, 1, "conflict")
    assert "conflict, waived for kennel until 2027-07-01 00:00 UTC" in shown.out.splitlines()[0]
    assert "    waived for kennel until 2027-07-01 00:00 UTC by kennel: we asked them" in shown.out
    assert [one["live"] for each in machine.json["findings"] for one in each["waivers"]] == [True, True]
    rows = csv.DictReader(io.StringIO(terminal("license", "conflicts", "--csv").out))
    assert {one["waived_for"] for one in rows if one["decides"] == "conflict"} == {"kennel"}
    assert "conflict, waived for kennel until" in terminal("license", "conflicts").out

    terminal.holds("license", "waive", "kennel/tuned", RULES[0], "--until", "now", "--reason", "they said no")
    shown = terminal("license", "kennel/tuned")
    assert "waived" not in shown.out.splitlines()[0]
    assert "    was waived for kennel until" in shown.out
    world.reopen()
    world.check()


def test_a_merge_that_could_not_be_named_is_refused_before_it_is_made(world: World, terminal, base) -> None:
    other = world.model(license="cc-by-sa-4.0")
    recipe = f"merge_method: linear\nmodels:\n  - {{model: {base}, parameters: {{weight: 0.5}}}}\n  - {{model: {other}, parameters: {{weight: 0.5}}}}\nlicense: apache-2.0\n"
    (terminal.folder / "recipe.yaml").write_text(recipe)
    named = ("merge", "recipe.yaml", "--out", "both", "--name", "kennel/both")
    terminal.refuses(
        named, 2, ("kennel/both could not be bound to what this recipe makes", "merge it without a name")
    )

    assert terminal("merge", "recipe.yaml", "--out", "both").code == 0
    kinds = {
        one["kind"]
        for one in terminal("license", "both", "--json").json["findings"]
        if one["decides"] == "conflict"
    }
    for kind in sorted(kinds):
        terminal.holds("license", "waive", "both", kind, "--name", "kennel/both", *UNTIL)
    assert terminal("add", "both", "--name", "kennel/both").code == 0
    assert terminal("merge", "recipe.yaml", "--out", "again", "--name", "kennel/both").code == 0, (
        "it is accepted by now"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("lost", "LIC-ODD", *UNTIL), "'LIC-ODD' is no rule; choose one of LIC-PERMISSIVE-OVER"),
        (
            ("lost", "LIC-ND-DERIVED", "--name", "a/b", *UNTIL),
            "LIC-ND-DERIVED finds no conflict about sha256:",
        ),
        (
            ("lost", RULES[0], "--name", "a/b", "--origin", "mit", *UNTIL),
            "no conflict that mit brings in about",
        ),
        (("lost", RULES[0], *UNTIL), "lost has no name: say by --name"),
        (
            ("lost", RULES[0], "--name", "a/b", "--until", "2027-02-30", "--reason", "x"),
            "'2027-02-30' is no day",
        ),
        (("lost", RULES[0], "--name", "a/b", "--until", "soon", "--reason", "x"), "'soon' is no time"),
        (("lost", RULES[0], "--name", "a/b", "--until", "2020-01-01", "--reason", "x"), "has ended already"),
        (("lost", RULES[0], "--name", "a/b", "--until", "2099-01-01", "--reason", "x"), "two years at most"),
        (("lost", RULES[0], "--name", "no name/x", *UNTIL), "name/v1"),
        (("lost", RULES[0], "--name", "kennel", *UNTIL), "name/v1"),
        (("kennel/none", RULES[0], *UNTIL), "kennel/none"),
    ],
)
def test_what_cannot_be_waived_is_refused_in_a_sentence(terminal, base, words, says: str) -> None:
    folder = weights(terminal, "lost", 9)
    terminal.holds("add", folder, "--license", "apache-2.0", "--base", base)
    terminal.refuses(("license", "waive", *words), 2, (says,))


def test_only_what_an_origin_brings_in_is_waived(world: World, terminal, base) -> None:
    other = world.model(name="kennel/other", license="mrl")
    child = world.artifact(base, other, relation="merge")
    world.license(child, "apache-2.0")
    world.reopen()
    for origin, expected in (("kennel/other", [("mrl", other)]), ("cc-by-nc-4.0", [("cc-by-nc-4.0", base)])):
        done = terminal.holds(
            "license", "waive", child, RULES[1], "--name", "kennel/x", "--origin", origin, *UNTIL
        )
        assert [(one["license"], one["origin"]) for one in done["waived"]] == expected


@pytest.mark.usefixtures("base")
def test_the_gate_is_opened_with_a_reason_and_told_here_and_elsewhere(
    world: World, terminal, monkeypatch
) -> None:
    assert "the license gate is shut" in terminal("license", "gate").out
    terminal.refuses(("license", "gate", "open"), 2, ("--reason TEXT",))
    terminal.refuses(("license", "gate", "ajar", "--reason", "x"), 2, ("'ajar' is no state",))
    terminal.refuses(("license", "gate", "--reason", "x"), 2, ("say which",))
    terminal.refuses(("license", "gate", "shut", "--reason", "x"), 2, ("shut already, and was never open",))
    index = terminal.holds("license", "gate", "open", "--reason", "a sale")["index"]
    said = terminal("license", "gate")
    assert (said.code, "is open" in said.out, f"since entry {index}" in said.out, ": a sale" in said.out) == (
        0,
        True,
        True,
        True,
    )
    terminal.refuses(("license", "gate", "open", "--reason", "x"), 2, (f"open already, since entry {index}",))

    folder = weights(terminal, "tuned", 9)
    bound = ("add", folder, "--name", "kennel/tuned", "--license", "apache-2.0", "--base", "kennel/base")
    assert terminal(*bound).code == 0
    world.reopen()
    with TestClient(create(world.home), base_url=URL) as api:
        monkeypatch.setattr(site.httpx, "Client", lambda **_: api)
        far = terminal("license", "gate", "--registry", URL, "--json")
        # Before it stands what the server in this process logs.
        assert far.out.splitlines()[-1] == terminal("license", "gate", "--json").out.strip()
        assert '"shut":false' in far.out
        terminal.refuses(("license", "gate", "shut", "--reason", "x", "--registry", URL), 2, ("at home",))


def test_over_http_a_name_for_a_conflict_is_refused_as_that_and_a_waived_one_is_taken(
    world: World, base, api_of
) -> None:
    child = world.artifact(base)
    world.license(child, "apache-2.0")
    said = sign(name.statement(child, "kennel/x", None, 0).encode(), [world.home.keys("publisher")]).encode()
    with api_of(world) as api:
        problem(api.post("/entries", content=said), "license-conflict", "LIC-")
        with pytest.raises(Contradicted, match="kennel/x is not bound"):
            Remote(URL).publish(said)
        from lineage.licensing import judge
        from registry.store import lineage

        with world.home.store.reading() as connection:
            conflicts = [
                one for one in judge(lineage.bare(connection, child)).findings if one.decides == "conflict"
            ]
        for one in conflicts:
            world.waive(child, one, world.time + 60)
        assert api.post("/entries", content=said).status_code == 201
        answer = api.get(f"/artifacts/{child}/license").json()
        assert [one["namespace"] for one in answer["accepted"]] == ["kennel"]
        world.advance(60)
        answer = api.get(f"/artifacts/{child}/license").json()
        assert (answer["accepted"], answer["findings"][0]["waivers"][0]["live"]) == ([], False)
        page = api.get("/conflicts").json()
        assert [one["accepted"] for one in page["artifacts"]] == [[], []]


@pytest.fixture
def api_of(monkeypatch: pytest.MonkeyPatch):
    def serve(world: World) -> TestClient:
        api = TestClient(create(world.home), base_url=URL)
        monkeypatch.setattr(site.httpx, "Client", lambda **_: api)
        return api

    return serve
