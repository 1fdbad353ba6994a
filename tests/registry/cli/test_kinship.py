"""Kinship as it is typed: what is printed, what --json holds, and the exit codes."""

import shutil

import pytest
from fastapi.testclient import TestClient
from rebuilding import URL
from world import World

from registry import site
from registry.app import create
from signing import canonical


@pytest.fixture
def litter(terminal, kennel):
    shutil.copytree(kennel.home, terminal.home, symlinks=True)
    return terminal


def test_paths_are_counted_and_a_shortest_and_the_heaviest_shown(litter) -> None:
    value = litter.holds("paths", "kennel/base", "kennel/both")
    assert (value["count"], len(value["shortest"]), len(value["heaviest"])) == ("2", 3, 3)
    assert litter("paths", "kennel/base", "kennel/both", "--count").out == "2\n"

    said = litter("paths", "kennel/base", "kennel/both").out
    assert "kennel/both descends from kennel/base by 2 paths" in said
    assert "a shortest: kennel/base → kennel/" in said
    assert "the heaviest, 0 to 50.0% by weights: kennel/base → kennel/" in said
    assert said.count("finetune") == 2
    one, other = (
        litter("paths", "kennel/base", "kennel/both", option).out for option in ("--shortest", "--heaviest")
    )
    assert ("a shortest" in one, "the heaviest" in one) == (True, False)
    assert ("a shortest" in other, "the heaviest" in other) == (False, True)


def test_no_path_is_said_so_and_exits_1(litter) -> None:
    said = litter("paths", "kennel/spare", "kennel/both")
    assert (said.code, "does not descend" in said.out) == (1, True)
    assert litter("paths", "kennel/spare", "kennel/both", "--count").out == "0\n"
    assert litter("paths", "kennel/spare", "kennel/both", "--json").json["weight"] is None


def test_common_ancestors_are_listed_with_the_nearest_marked(litter) -> None:
    value = litter.holds("common", "kennel/one", "kennel/two")
    assert [(one["names"][0], one["nearest"]) for one in value["ancestors"]] == [("kennel/base", True)]
    said = litter("common", "kennel/one", "kennel/both").out
    assert "kennel/one and kennel/both have 2 common ancestors" in said
    assert said.splitlines()[2].split()[:3] == ["kennel/one", "nearest", "0,"]
    none = litter("common", "kennel/one", "kennel/spare")
    assert (none.code, "have 0 common ancestors" in none.out) == (1, True)


def test_roots_and_what_is_known_of_a_lineage(litter) -> None:
    assert [one["names"] for one in litter.holds("roots", "kennel/both")["roots"]] == [["kennel/base"]]
    assert "kennel/both begins with 1 artifact" in litter("roots", "kennel/both").out
    assert "kennel/base has no parents" in litter("roots", "kennel/base").out
    assert litter.holds("known", "kennel/both")["registered"] == 3
    said = litter("known", "kennel/both").out
    assert "kennel/both has 3 ancestors: 3 registered, 0 never seen, 0 unknown" in said
    assert "edges: 4 signed" in said


def test_what_is_missing_is_named_and_known_exits_1(litter, kennel) -> None:
    litter.holds("add", kennel.folder / "spare", "--base", "hf:acme/base")

    said = litter("known", "kennel/spare")

    assert said.code == 1
    assert "1 ancestor: 0 registered, 1 never seen, 0 unknown" in said.out
    assert "missing hf:acme/base: never seen here" in said.out
    assert "never seen: more may stand above it" in litter("roots", "kennel/spare").out
    assert "and nothing is known about it itself" in litter("known", "hf:acme/base").out


def test_diff_says_what_came_and_that_nothing_did(litter) -> None:
    size = litter.holds("show", "kennel/both")["as_of"]
    incident = litter.holds("incident", "report", "kennel/one", "--summary", "see [red] :bug:")["incident"]

    said = litter("diff", "kennel/both", "--from", size).out

    assert f"kennel/both from {size} to {size + 1} log entries" in said
    assert "standing: clean → affected" in said
    assert f"+ incident {incident[:12]} compromised, reported: see [red] :bug:" in said
    assert "nothing changed" in litter("diff", "kennel/both", "--from", size, "--to", size).out
    whole = litter("diff", "kennel/both", "--from", "1").out
    assert "standing: not known yet → affected" in whole
    assert whole.count("+ ancestor kennel/") == 3
    assert "license: none → mit" in whole
    value = litter.holds("diff", "kennel/base", "--from", "1", "--to", size, "--descendants")
    assert (len(value["descendants"]["came"]), value["ancestors"]["came"]) == (3, [])


def test_a_registry_is_asked_in_the_same_words(
    world: World, terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = world.model(name="kennel/base")
    tuned, other = world.model(base, name="kennel/tuned"), world.model(base, name="kennel/other")
    client = TestClient(create(world.home), base_url=URL)
    monkeypatch.setattr(site.httpx, "Client", lambda **_: client)

    def holds(*words: str):
        said = terminal(*words, "--registry", URL, "--json")
        assert said.code == 0, said
        # What is served in this process writes its own lines before the answer.
        return canonical.decode(said.out.splitlines()[-1].encode())

    assert holds("paths", "kennel/base", "kennel/tuned")["shortest"] == [base, tuned]
    assert holds("common", "kennel/tuned", other)["ancestors"][0]["artifact"] == base
    assert holds("roots", tuned)["roots"][0]["artifact"] == base
    assert holds("known", tuned)["missing"] == []
    assert len(holds("diff", "kennel/base", "--from", "1")["descendants"]["came"]) == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("paths", "kennel/base", "kennel/both", "--count", "--heaviest"), "give one of them, or none"),
        (
            ("paths", "kennel/base", "kennel/base"),
            "a path leads from one artifact to another, and both of these are",
        ),
        (("common", "kennel/base"), "from 2 to 16 artifacts have common ancestors, and 1 were named"),
        (("common", "kennel/base", "kennel/nobody"), "nothing is called 'kennel/nobody' here"),
        (("roots", "kennel/nobody"), "nothing is called 'kennel/nobody' here"),
        (("known", "kennel/nobody"), "nothing is called 'kennel/nobody' here"),
        (("diff", "kennel/both", "--from", "0"), "--from"),
        (("diff", "kennel/both", "--to", "999"), "cannot be read as of 999"),
        (
            ("diff", "kennel/both", "--from", "5", "--to", "4"),
            "a log of 5 entries is no earlier one than that of 4",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(kennel, words, sentence: str) -> None:
    kennel.refuses(words, 2, (sentence,))
