"""Choosing among relatives as it is typed: what is left out is counted, and what asks for nothing is refused."""

import shutil

import pytest
from fastapi.testclient import TestClient
from rebuilding import URL
from world import World

from registry import site
from registry.app import create
from registry.cli.selecting import _completing
from signing import canonical


@pytest.fixture
def litter(terminal, kennel):
    shutil.copytree(kennel.home, terminal.home, symlinks=True)
    return terminal


def names(value) -> set[str]:
    return {one["names"][0] for one in value["relatives"]}


def test_relatives_are_chosen_and_the_others_counted(litter) -> None:
    litter.holds("incident", "report", "kennel/one", "--summary", "x")

    value = litter.holds("descendants", "kennel/base", "--standing", "affected")
    assert (names(value), value["left_out"]) == ({"kennel/one", "kennel/both"}, 1)
    value = litter.holds("descendants", "kennel/base", "--relation", "finetune")
    assert (names(value), value["asked"]["relations"]) == ({"kennel/one", "kennel/two"}, ["finetune"])
    value = litter.holds("descendants", "kennel/base", "--relation", "finetune", "--relation", "merge")
    assert (len(names(value)), value["left_out"]) == (3, 0)
    assert names(litter.holds("ancestors", "kennel/both", "--evidence", "reproduced")) == set()
    assert len(names(litter.holds("ancestors", "kennel/both", "--owner", "kennel", "--license", "MIT"))) == 3
    since = litter.holds("ancestors", "kennel/both", "--until", "entry:4")
    assert (names(since), since["asked"]["until"]) == ({"kennel/base"}, "entry:4")
    assert names(litter.holds("ancestors", "kennel/both", "--since", "2001-01-01T00:00:00Z")) != set()

    said = litter("descendants", "kennel/base", "--standing", "affected").out
    assert "kennel/base has 2 descendants as asked for, and 1 left out" in said
    assert (
        "kennel/base has 0 descendants as asked for, and 3 left out"
        in litter("descendants", "kennel/base", "--license", "llama3").out
    )
    assert "left out" not in litter("descendants", "kennel/base").out


def test_a_registry_is_asked_for_the_same(world: World, terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    base = world.model(name="kennel/base")
    world.model(base, name="kennel/tuned")
    world.model(base, relation="quantize")
    client = TestClient(create(world.home), base_url=URL)
    monkeypatch.setattr(site.httpx, "Client", lambda **_: client)

    said = terminal("descendants", "kennel/base", "--relation", "finetune", "--registry", URL, "--json")

    value = canonical.decode(said.out.splitlines()[-1].encode())
    assert (names(value), value["left_out"]) == ({"kennel/tuned"}, 1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--relation", "stolen"), "relations.0: input should be 'merge'"),
        (("--evidence", "good"), "evidence: input should be 'claimed'"),
        (("--standing", "fine"), "not 'fine'"),
        (("--since", "yesterday"), "'yesterday' is no time: write entry:INDEX"),
        (("--until", "2026-01-31"), "'2026-01-31' is no time"),
        (("--owner", ""), "owner"),
    ],
)
def test_what_asks_for_nothing_that_there_is_is_refused(kennel, words, sentence: str) -> None:
    kennel.refuses(("descendants", "kennel/base", *words), 2, (sentence,))


def test_words_are_completed() -> None:
    assert _completing(["merge", "prune"])("m") == ["merge"]
