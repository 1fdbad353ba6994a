"""Rebuilds over HTTP: what an operator has still to judge, page by page, and how rebuilders compare."""

import pytest
from fastapi.testclient import TestClient
from rebuilding import build_of, judge, said_again
from world import World

from registry.routes import rebuilds


@pytest.fixture
def merges(world: World) -> list[str]:
    models = [world.model() for _ in range(3)]
    return [world.merge("linear", models[0], models[1]), world.merge("slerp", models[1], models[2])]


def due(api: TestClient, operator: str = "ann", **more: str) -> list[tuple[str, str]]:
    said = api.get("/rebuilds", params={"missing": operator} | more).json()
    return [(one["artifact"], one["build"]) for one in said["rebuilds"]]


def test_what_an_operator_has_not_judged_is_listed_oldest_first(
    world: World, api: TestClient, merges: list[str]
) -> None:
    builds = [build_of(world, one) for one in merges]
    ann, both = world.join("ann", "rebuilder"), list(zip(merges, builds, strict=True))
    assert due(api) == due(api, "bob") == both

    judge(world, ann, "ann", merges[0], ["norm"])

    assert (due(api), due(api, "bob")) == (both[1:], both)
    later = world.say(said_again(world, merges[0]), world.home.keys("builder")).entry
    assert due(api) == [*both[1:], (merges[0], later)], "another provenance of it is another thing to judge"


def test_a_verdict_or_a_provenance_that_fell_is_no_longer_there(
    world: World, api: TestClient, merges: list[str]
) -> None:
    ann, fab, good = world.join("ann", "rebuilder"), world.join("fab", "builder"), world.time
    world.advance(100)
    before = due(api)
    world.say(said_again(world, merges[0]), fab)
    judge(world, ann, "ann", merges[1])
    assert len(due(api)) == 2

    world.end(ann, good)
    world.end(fab, good)

    assert due(api) == before
    world.check()


@pytest.mark.usefixtures("merges")
def test_the_list_comes_in_pages(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = due(api)
    monkeypatch.setattr(rebuilds, "PAGE", 1)

    first = api.get("/rebuilds", params={"missing": "ann"}).json()
    second = api.get("/rebuilds", params={"missing": "ann", "after": first["next"]}).json()

    assert (first["next"], second["next"]) == (whole[0][1], None)
    assert [one["build"] for one in (*first["rebuilds"], *second["rebuilds"])] == [
        build for _, build in whole
    ]
    assert due(api, after=whole[1][1]) == []


@pytest.mark.parametrize(
    ("query", "status"),
    [({}, 422), ({"missing": "a b"}, 422), ({"missing": "ann", "after": "x"}, 422), ({"missing": "ann", "after": "0" * 64}, 404)],
)  # fmt: skip
def test_a_question_that_is_none_is_refused(api: TestClient, query: dict[str, str], status: int) -> None:
    response = api.get("/rebuilds", params=query)

    assert response.status_code == status
    assert response.json()["type"].startswith("https://studbook.dev/problems/")


def test_rebuilders_are_listed_with_what_contradicts_them(
    world: World, api: TestClient, merges: list[str]
) -> None:
    assert api.get("/rebuilders").json() == {"rebuilders": [], "as_of": world.size()}
    for who, differs in (("ann", ["norm"]), ("bob", ["norm"]), ("eve", [])):
        judge(world, world.join(who, "rebuilder"), who, merges[0], differs)

    said = api.get("/rebuilders").json()

    assert [one["operator"] for one in said["rebuilders"]] == ["ann", "bob", "eve"]
    assert said["rebuilders"][2]["passed_mismatches"] == [
        {
            "artifact": merges[0],
            "build": build_of(world, merges[0]),
            "by": ["ann", "bob"],
            "differs": ["norm"],
        }
    ]
    assert said["as_of"] == world.size()
