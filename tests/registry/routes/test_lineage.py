"""Up, down and across, over HTTP."""

import pytest
from fastapi.testclient import TestClient
from world import World

from lineage.predicates import claims
from lineage.predicates.claims import Claim, Parent
from registry.local import Local
from registry.selected import SelectionOut


@pytest.fixture
def family(world: World) -> dict[str, str]:
    base = world.model(name="kennel/base")
    left, right = world.model(base), world.model(base)
    merged = world.model(left, right, relation="merge", name="kennel/merged")
    world.report(left, "compromised")
    return {"base": base, "left": left, "right": right, "merged": merged, "other": world.model()}


@pytest.mark.parametrize("direction", ["ancestors", "descendants"])
def test_up_and_down_are_what_the_home_answers(
    world: World, api: TestClient, family: dict[str, str], direction: str
) -> None:
    local = Local(world.home.store, world.home.now)

    for artifact in family.values():
        expected = getattr(local, direction)(artifact).model_dump(mode="json")
        assert api.get(f"/artifacts/{artifact}/{direction}").json() == expected


def test_every_ancestor_is_there_with_its_incidents(api: TestClient, family: dict[str, str]) -> None:
    found = api.get(f"/artifacts/{family['merged']}/ancestors").json()

    (told,) = found["incidents"]
    incidents = {one["artifact"]: one["incidents"] for one in found["relatives"]}
    assert incidents == {family["left"]: [told["id"]], family["right"]: [], family["base"]: []}
    assert (told["artifacts"], told["kind"]) == ([family["left"]], "compromised")


def test_an_incident_is_told_once_however_many_it_reaches(world: World, api: TestClient) -> None:
    base = world.model()
    world.report(base, "compromised")
    below = [world.model(base) for _ in range(8)]

    answer = api.get(f"/artifacts/{base}/descendants")

    (told,) = answer.json()["incidents"]
    assert [one["incidents"] for one in answer.json()["relatives"]] == [[told["id"]]] * len(below)
    assert answer.text.count(told["summary"]) == 1


def test_what_is_asked_for_is_what_the_home_answers(
    world: World, api: TestClient, family: dict[str, str]
) -> None:
    local = Local(world.home.store, world.home.now)
    for query in (
        {"relations": "finetune,merge", "standing": "affected"},
        {"evidence": "reproduced"},
        {"owner": "kennel", "since": "entry:0", "until": str(world.time)},
        {"license": "mit"},
    ):
        asked = query | {"relations": tuple(query["relations"].split(","))} if "relations" in query else query
        expected = local.descendants(family["base"], SelectionOut.of(**asked))

        found = api.get(f"/artifacts/{family['base']}/descendants", params=query).json()

        assert found == expected.model_dump(mode="json")
        assert found["left_out"] + len(found["relatives"]) == 3


@pytest.mark.parametrize(
    "query",
    [
        "relations=stolen",
        "relations=merge,",
        "evidence=good",
        "standing=fine",
        "license=",
        "owner=",
        "since=monday",
        "until=entry:",
    ],
)
def test_what_asks_for_nothing_that_there_is_is_refused(
    api: TestClient, family: dict[str, str], query: str
) -> None:
    answer = api.get(f"/artifacts/{family['base']}/descendants?{query}")

    assert (answer.status_code, answer.json()["type"]) == (422, "https://studbook.dev/problems/malformed")
    assert f"query {query.split('=', maxsplit=1)[0]}: " in answer.json()["detail"]


def test_why_counts_the_ways_and_shows_a_shortest_one(
    world: World, api: TestClient, family: dict[str, str]
) -> None:
    local = Local(world.home.store, world.home.now)

    found = api.get(f"/artifacts/{family['merged']}/why", params={"ancestor": "kennel/base"}).json()
    assert found == local.why("kennel/base", family["merged"]).model_dump(mode="json")
    assert found["paths"] == "2"
    assert (found["witness"][0], found["witness"][-1]) == (family["base"], family["merged"])

    none = api.get(f"/artifacts/{family['merged']}/why", params={"ancestor": family["other"]}).json()
    assert (none["paths"], none["witness"]) == ("0", [])


def test_why_needs_an_ancestor_that_means_something(api: TestClient, family: dict[str, str]) -> None:
    path = f"/artifacts/{family['merged']}/why"

    assert api.get(path).json()["detail"] == "query ancestor is missing"
    assert api.get(path, params={"ancestor": "/etc"}).status_code == 422
    assert api.get(path, params={"ancestor": "kennel/nobody"}).status_code == 404


@pytest.mark.usefixtures("family")
@pytest.mark.parametrize("what", ["ancestors", "descendants", "why?ancestor=kennel/base", "bundles", "files"])
def test_nothing_is_said_about_what_is_not_in_the_log(api: TestClient, what: str) -> None:
    assert api.get(f"/artifacts/sha256:{'0' * 64}/{what}").status_code == 404


def test_what_is_claimed_of_a_stub_is_told_with_whose_word_it_is(world: World, api: TestClient) -> None:
    stub, base = "hf:acme/_tuned", "hf:acme/base"
    said = claims.statement(
        "README.md", "a" * 64, [Claim(stub, (Parent(base, "finetune"),), "mit")], world.time
    )
    receipt = world.publish("publisher", said)[0]

    found = api.get(f"/artifacts/{stub}").json()

    whose = {"license": "mit", "operators": ["kennel"], "time": world.time, "entry": receipt.entry}
    assert (found["license"], found["claims"]) == (None, [whose])
    assert [one["evidence"] for one in found["parents"]] == ["claimed"]
    (below,) = api.get(f"/artifacts/{base}/descendants").json()["relatives"]
    assert (below["artifact"], below["license"], below["claimed"]) == (stub, None, "mit")
    (above,) = api.get(f"/artifacts/{stub}/ancestors").json()["relatives"]
    assert (above["artifact"], above["claimed"]) == (base, None)
