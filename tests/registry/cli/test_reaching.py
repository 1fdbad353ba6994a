"""Reach as it is typed: a list that says how long it is, goes on where it ended, and is the same from a registry."""

import json
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from world import World

from lineage.predicates import claims
from lineage.predicates.claims import Claim, Parent
from registry.app import create
from registry.cli import reaching
from registry.reached import ReachOut
from signing.errors import Malformed


@pytest.fixture
def litter(terminal, tmp_path):
    """A base with three descendants over two generations, one of them named."""
    world = World(tmp_path / "litter")
    base = world.model(name="kennel/base")
    first, second = world.model(base, name="kennel/first"), world.model(base)
    third = world.model(first, second, relation="merge")
    incident = world.report(first, "compromised")
    terminal.home = world.home.path
    return world, {"base": base, "first": first, "second": second, "third": third, "incident": incident}


def test_a_list_says_how_many_and_what_reaches_them(terminal, litter) -> None:
    _, made = litter
    value = terminal.holds("reach", "kennel/base")

    assert [(one["artifact"], one["distance"]) for one in value["relatives"]] == [
        (made["first"], 1),
        (made["second"], 1),
        (made["third"], 2),
    ]
    assert [one["incidents"] for one in value["relatives"]] == [[made["incident"]], [], [made["incident"]]]
    assert (value["total"], value["next"], value["complete"]) == (3, None, True)
    said = terminal("reach", "kennel/base").out
    assert "has 3 descendants by edges that carry weights" in said
    assert said.count("compromised") == 2
    assert "kennel/first" in said
    assert f"complete as of {value['as_of']} log entries" in said


def test_a_page_ends_with_where_to_go_on_and_all_pages_are_the_list(terminal, litter) -> None:
    assert litter
    whole = terminal.holds("reach", "kennel/base")["relatives"]

    first = terminal("reach", "kennel/base", "--limit", "2")
    cursor = terminal.holds("reach", "kennel/base", "--limit", "2")["next"]
    assert f"there are more: go on with --after {cursor}" in first.err
    rest = terminal.holds("reach", "kennel/base", "--limit", "2", "--after", cursor)
    lines = terminal("reach", "kennel/base", "--limit", "1", "--all", "--json").out.splitlines()

    assert (rest["relatives"], rest["total"], rest["complete"]) == (whole[2:], None, True)
    assert [one for line in lines for one in json.loads(line)["relatives"]] == whole
    assert terminal("reach", "kennel/base", "--limit", "1", "--all").out.count("sha256:") == 1 + 3


def test_upwards_it_is_what_it_has_its_weights_from(terminal, litter) -> None:
    world, made = litter
    world.derive(made["third"], "hf:org/Teacher", relation="distill")

    value = terminal.holds("reach", made["third"], "--up")

    assert {one["artifact"]: one["distance"] for one in value["relatives"]} == {
        made["first"]: 1,
        made["second"]: 1,
        made["base"]: 2,
    }
    assert "has 1 descendant by" in terminal("reach", made["first"]).out


def test_what_it_cannot_list_it_refuses(terminal, litter) -> None:
    world, made = litter
    cursor = terminal.holds("reach", "kennel/base", "--limit", "1")["next"]
    world.derive(made["second"], made["first"])
    terminal.refuses(("reach", "kennel/base", "--after", "1.1"), 2, ("'1.1' is no cursor",))
    terminal.refuses(("reach", "kennel/nobody"), 2, ("kennel/nobody",))
    assert terminal.holds("reach", "kennel/base", "--after", cursor)["complete"]

    world.derive(made["third"], made["base"])

    terminal.refuses(("reach", "kennel/base", "--after", cursor), 2, ("begin again, without a cursor",))


def test_over_http_it_is_the_same_page(litter) -> None:
    world, made = litter
    with TestClient(create(world.home)) as api:
        page = api.get(f"/artifacts/{made['base']}/reach", params={"limit": 2, "named": True})
        rest = api.get(f"/artifacts/{made['base']}/reach", params={"after": page.json()["next"]})
        wrong = api.get(f"/artifacts/{made['base']}/reach", params={"after": "x"})

    assert page.json() == json.loads(
        reaching.paged(world.home, made["base"], "descendants", 2, None, named=True).model_dump_json()
    )
    assert [one["artifact"] for one in rest.json()["relatives"]] == [made["third"]]
    assert (wrong.status_code, wrong.headers["content-type"]) == (422, "application/problem+json")


def test_a_registry_that_repeats_itself_or_goes_on_is_refused() -> None:
    one = {"artifact": "sha256:" + "1" * 64, "distance": 1, "names": [], "incidents": []}
    page = {"artifact": "sha256:" + "2" * 64, "direction": "descendants", "incidents": [], "total": 1}

    def pages(*said: dict[str, object]) -> Iterator[ReachOut]:
        told = iter(said)
        return reaching._pages(lambda _: ReachOut.model_validate(page | next(told)), None)

    same = {"relatives": [one], "next": "5.1.1", "as_of": 5, "complete": False}
    with pytest.raises(Malformed, match="repeats itself"):
        list(pages(same, same))
    with pytest.raises(Malformed, match="repeats itself behind None: nothing"):
        list(pages(same | {"relatives": []}))
    with pytest.raises(Malformed, match="as of 5 log entries, the next as of 6"):
        list(pages(same, same | {"as_of": 6}))


def test_stubs_are_listed_like_others(terminal, litter) -> None:
    world, _ = litter
    said = [Claim("hf:org/Child", (Parent("hf:org/Base", "finetune"),), None)]
    world.publish("publisher", claims.statement("cards.jsonl", "a" * 64, said, 1))

    assert "hf:org/Child" in terminal("reach", "hf:org/Base").out
