"""Choosing among relatives as it is typed: what is left out is counted, and what asks for nothing is refused."""

import shutil
from itertools import islice, pairwise

import pytest
from fastapi.testclient import TestClient
from rebuilding import URL
from world import World

from lineage.subjects import Pedigree
from registry import exports, site
from registry.answers import EdgeOut, LineageOut, RelativeOut
from registry.app import create
from registry.cli.selecting import completing
from registry.cli.trees import _lines
from registry.client import Remote
from registry.local import Local
from registry.selected import SelectionOut
from signing import canonical
from signing.errors import Refused


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


@pytest.mark.parametrize("form", sorted(exports.formats(Pedigree)))
@pytest.mark.parametrize("direction", ["ancestors", "descendants"])
def test_a_document_is_the_one_that_is_exported(kennel, form: str, direction: str) -> None:
    said = kennel(direction, "kennel/one", "--format", form)

    assert said.code == 0
    assert said.out == kennel("export", "kennel/one", "--format", form, f"--{direction}").out


def test_a_document_of_some_holds_those_and_says_that_it_is_not_whole(kennel) -> None:
    words = ("descendants", "kennel/base", "--format", "csv")
    rows = kennel(*words, "--relation", "finetune").out.splitlines()[1:]
    assert [row.split(",")[6] for row in rows] == ['"finetune"'] * 2
    assert all(row.endswith('"false"') for row in rows)
    assert all(row.endswith('"true"') for row in kennel(*words).out.splitlines()[1:])
    graph = kennel("ancestors", "kennel/both", "--format", "graphml", "--relation", "merge").out
    assert (graph.count("<node "), graph.count("<edge ")) == (3, 2)


def test_a_tree_follows_each_artifact_once(kennel) -> None:
    said = kennel("descendants", "kennel/base", "--format", "tree").out.splitlines()
    assert said[0].startswith("kennel/base has 3 descendants")
    assert sorted(line.split()[0] for line in said[1:]) == ["finetune", "finetune", "merge", "merge"]
    assert [len(line) - len(line.lstrip()) for line in said[1:]] == [2, 4, 2, 4]
    up = kennel("ancestors", "kennel/both", "--format", "tree").out
    assert up.count("kennel/base") == 2
    assert "(above)" not in up
    assert (
        kennel.holds("ancestors", "kennel/both")
        == kennel("ancestors", "kennel/both", "--format", "json").json
    )
    # What leads to it was not asked for.
    apart = kennel("descendants", "kennel/base", "--since", "entry:13", "--format", "tree").out.splitlines()
    assert apart[1].startswith("  … kennel/both")


def test_the_tree_of_a_lattice_has_a_line_for_each_edge_and_not_for_each_path() -> None:
    levels = [[f"{level:02}.{place}" for place in range(3)] for level in range(40)]
    pairs = [("top", one) for one in levels[0]]
    pairs += [(above, below) for upper, lower in pairwise(levels) for above in upper for below in lower]
    rest = {"names": (), "license": None, "claimed": None, "seen": True, "incidents": ()}
    answer = LineageOut(
        artifact="top",
        names=(),
        direction="descendants",
        relatives=tuple(
            RelativeOut(artifact=one, distance=far, **rest)
            for far, level in enumerate(levels, 1)
            for one in level
        ),
        incidents=(),
        edges=tuple(
            EdgeOut(child=below, parent=above, relation="merge", part="{}", evidence="signed", entry="e")
            for above, below in pairs
        ),
        as_of=1,
        complete=True,
    )

    lines = list(islice(_lines(answer), len(pairs) + 1))

    assert len(lines) == len(pairs)
    assert sum("(above)" in line for line in lines) == len(pairs) - 3 * 40 - 6
    assert len(lines[39]) - len(lines[39].lstrip()) == 80


def test_a_registry_exports_the_same_document(
    world: World, terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = world.model(name="kennel/base")
    world.model(base)
    world.model(base, relation="quantize")
    client = TestClient(create(world.home), base_url=URL)
    monkeypatch.setattr(site.httpx, "Client", lambda **_: client)
    local = Local(world.home.store, world.home.now)

    said = terminal("descendants", base, "--format", "dot", "--relation", "quantize", "--registry", URL)

    asked = SelectionOut.of(relations=("quantize",))
    assert said.out.endswith(local.export(base, "dot", "descendants", asked))
    assert "complete: false" in said.out
    whole = client.get(f"/artifacts/{base}/export/csv", params={"scope": "descendants"}).text
    assert whole == local.export(base, "csv", "descendants")


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"digraph studbook {\n}\n", "answered about nothing"),
        (b"\xff", "is no text"),
        (b"a\x1b[2Jb", "holds a character that hides what is shown"),
        ("a\u202eb".encode(), "holds a character that hides what is shown"),
    ],
)
def test_a_document_about_something_else_or_that_hides_is_refused(
    monkeypatch: pytest.MonkeyPatch, raw: bytes, says: str
) -> None:
    monkeypatch.setattr(Remote, "request", lambda *_, **__: raw)

    with Remote(URL) as remote, pytest.raises(Refused, match=says):
        remote.export(f"sha256:{'1' * 64}", "dot", "ancestors")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--format", "pdf"), "'pdf' is no format; choose one of table, tree, json, csv"),
        (("--format", "openvex"), "'openvex' is no format"),
        (("--format", "tree", "--json"), "--json and --format tree are two formats"),
    ],
)
def test_what_is_no_format_is_refused(kennel, words, sentence: str) -> None:
    said = kennel("ancestors", "kennel/both", *words)

    assert (said.code, sentence in said.err) == (2, True)


def test_words_are_completed() -> None:
    assert completing(["merge", "prune"])("m") == ["merge"]
