"""Everything that the licenses of a registry contradict, at once: the same as each artifact by itself, in three forms."""

import csv
import io

import httpx
import pytest
from fastapi.testclient import TestClient
from rebuilding import URL
from refusals import problem
from world import World

from lineage.predicates import claims
from registry import afar, site
from registry.app import create
from registry.cli.session import out
from registry.client import Remote
from registry.licensed import UseOut
from registry.local import Local
from registry.work import judging
from signing.errors import Malformed


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal wide enough for every cell, whatever the tests run in."""
    monkeypatch.setattr(out, "_width", 250)


@pytest.fixture
def family(world: World, terminal) -> dict[str, str]:
    terminal.home = world.home.path
    found = {"base": world.artifact(), "other": world.artifact()}
    found["lost"] = world.artifact(found["base"])
    found["below"] = world.artifact(found["lost"])
    found["bare"] = world.artifact(found["base"])
    for word, terms in (("base", "gpl-3.0"), ("other", "mit"), ("lost", "mit"), ("below", "gpl-3.0")):
        world.license(found[word], terms)
    return found


def test_law_each_artifact_is_told_as_it_is_by_itself(world: World, terminal, family) -> None:
    said = terminal("license", "conflicts", "--json")
    local = Local(world.home.store, world.home.now)

    assert said.code == 1
    told = {one["artifact"]: one for one in said.json["artifacts"]}
    assert list(told) == sorted(family.values())
    for artifact, one in told.items():
        alone = local.license(artifact, UseOut()).model_dump(mode="json")
        deciding = [found for found in alone["findings"] if found["decides"] != "nothing"]
        assert one["findings"] == deciding
        assert {key: one[key] for key in ("outcome", "doubts", "rules", "as_of", "complete", "left_out")} == {
            key: alone[key] for key in ("outcome", "doubts", "rules", "as_of", "complete", "left_out")
        }
    assert said.json["outcomes"] == {"conflict": 1, "ok": 3, "unknown": 1}


def test_people_see_what_is_not_ok_and_how_many_are(terminal, family) -> None:
    said = terminal("license", "conflicts")

    assert said.code == 1
    assert "LIC-COPYLEFT-DROP high: " in said.out
    assert f"{family['bare'][:19]}  unknown" in said.out
    assert f"{family['other'][:19]}  ok" not in said.out
    assert "5 artifacts: 1 conflict, 3 ok, 1 unknown; by rule-set 1, as of" in said.out


@pytest.mark.parametrize(
    ("only", "words"), [("conflict", {"lost"}), ("unknown", {"bare"}), ("needs_review", set())]
)
def test_of_findings_those_that_decide_one_thing_are_told(
    terminal, family, only: str, words: set[str]
) -> None:
    said = terminal("license", "conflicts", "--only", only, "--json")

    told = {one["artifact"] for one in said.json["artifacts"] if one["findings"]}
    assert (told, said.code) == ({family[word] for word in words}, 1 if words else 0)


def test_what_descends_from_one_artifact_is_asked_about_with_it(terminal, family) -> None:
    below = terminal("license", "conflicts", family["lost"], "--json")
    assert [one["artifact"] for one in below.json["artifacts"]] == sorted([family["lost"], family["below"]])
    assert terminal("license", "conflicts", family["other"]).code == 0
    terminal.refuses(("license", "conflicts", "kennel/none"), 2, ("kennel/none",))
    terminal.refuses(("license", "conflicts", "--csv", "--json"), 2, ("choose one",))
    terminal.refuses(("license", "conflicts", "--only", "peace"), 2, ("peace",))


def test_a_row_has_rule_way_origin_and_version(terminal, family) -> None:
    rows = list(csv.DictReader(io.StringIO(terminal("license", "conflicts", "--csv").out)))

    (drop,) = (one for one in rows if one["finding"] == "LIC-COPYLEFT-DROP")
    assert (drop["artifact"], drop["origin"]) == (family["lost"], family["base"])
    assert drop["way"].split() == [family["base"], family["lost"]]
    assert (drop["license"], drop["decides"], drop["rules"], drop["complete"]) == (
        "gpl-3.0",
        "conflict",
        "1",
        "true",
    )
    assert drop["sentence"].startswith(f"{family['lost']} declares mit")


def test_pages_of_any_size_come_to_the_same(terminal, family, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [terminal("license", "conflicts", *ref, "--json").json for ref in ((), (family["base"],))]

    for size, steps in ((1, 100_000), (2, 100_000), (200, 1)):
        monkeypatch.setattr(judging, "PAGE", size)
        monkeypatch.setattr(judging, "MOST_STEPS", steps)
        again = [terminal("license", "conflicts", *ref, "--json").json for ref in ((), (family["base"],))]
        assert again == whole


def test_a_page_ends_where_its_ways_are_too_long_and_says_what_comes_next(
    world: World, family, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "MOST_STEPS", 1)
    with world.home.store.reading() as connection:
        first = judging.page(connection, world.time)
    told = [bool(one.findings) for one in first.artifacts]
    assert told == [False] * (len(told) - 1) + [True]
    # Of the five, two have findings.
    assert first.next == first.artifacts[-1].artifact < max(family.values())


@pytest.mark.usefixtures("family")
def test_a_registry_that_goes_back_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "PAGE", 2)
    with world.home.store.reading() as connection:
        first = judging.page(connection, world.time)
    again = httpx.MockTransport(lambda _: httpx.Response(200, json=first.model_dump(mode="json")))
    client = httpx.Client(transport=again, base_url=URL)
    monkeypatch.setattr(site.httpx, "Client", lambda **_: client)
    with pytest.raises(Malformed, match="and goes back"):
        list(afar.conflicts(Remote(URL), None))


def test_what_was_never_registered_is_above_and_not_among_what_is_told(
    world: World, terminal, family
) -> None:
    claimed = claims.Claim("hf:acme/child", (claims.Parent(family["base"], "finetune"),))
    world.publish("publisher", claims.statement("cards.jsonl", "a" * 64, [claimed], world.time))
    assert world.descendants(family["base"]) == {
        "hf:acme/child",
        family["lost"],
        family["below"],
        family["bare"],
    }

    said = terminal("license", "conflicts", family["base"], "--json").json
    assert [one["artifact"] for one in said["artifacts"]] == sorted(set(family.values()) - {family["other"]})


def test_a_registry_tells_the_same_page_by_page(world: World, terminal, family, monkeypatch) -> None:
    monkeypatch.setattr(judging, "PAGE", 2)
    with TestClient(create(world.home), base_url=URL) as api:
        monkeypatch.setattr(site.httpx, "Client", lambda **_: api)
        for ref in (None, family["base"]):
            here = terminal("license", "conflicts", *([ref] if ref else []), "--json").json
            there = [one for page in afar.conflicts(Remote(URL), ref) for one in page.artifacts]
            assert [one.artifact for one in there] == [one["artifact"] for one in here["artifacts"]]
            assert [one.outcome for one in there] == [one["outcome"] for one in here["artifacts"]]
        said = terminal("license", "conflicts", family["other"], "--registry", URL)
        assert (said.code, "1 artifact: 1 ok" in said.out) == (0, True)
        problem(api.get("/conflicts", params={"under": f"sha256:{'0' * 64}"}), "absent", "0" * 64)
        problem(api.get("/conflicts", params={"after": "x"}), "malformed", "after")


def test_an_empty_registry_contradicts_nothing(world: World, terminal) -> None:
    terminal.home = world.home.path

    said = terminal("license", "conflicts")
    assert (said.code, "0 artifacts: none" in said.out) == (0, True)
    assert terminal.holds("license", "conflicts") == {"artifacts": [], "outcomes": {}}
