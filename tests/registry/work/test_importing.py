"""Imports: an outcome for every record, whatever the log says to it, and the same import again changes nothing."""

import os
from pathlib import Path

import pytest
from rings import here
from world import OPERATOR, World

from lineage.facts import Evidence
from lineage.predicates import claims
from lineage.predicates.claims import Claim, Parent
from registry import ingest
from registry.records import Unread
from registry.signer import Step
from registry.store import claims as claimed
from registry.work import importing, sources
from registry.work.importing import UNFIT, Import
from signing.errors import Forbidden, Malformed

HEAD = "parent,child,relation\n"


def imported(world: World, kind: str, path: Path, *, target=None, index=None, dry=False) -> Import:
    reader = ingest.kinds()[kind]
    found = sources.read(
        reader, sources.listed(reader, path), target, sources.indexed(index) if index else {}
    )
    wanted = importing.arranged(world.home, list(found))
    importing.run(world.home, wanted, dry=dry)
    return wanted


def edges(world: World, *lines: str, name: str = "edges.csv") -> Path:
    path = world.folder / name
    path.write_text(HEAD + "".join(f"{line}\n" for line in lines))
    return path


def states(wanted: Import) -> list[str]:
    assert wanted.outcomes.keys() == set(range(len(wanted.found))), "every record is accounted for"
    return [wanted.outcomes[place].state for place in range(len(wanted.found))]


def test_edges_are_claimed_parents_first_and_a_second_time_nothing_is(world: World) -> None:
    path = edges(
        world, "a/two,a/three,merge", "a/one,a/two,finetune", "a/x,a/x,merge", "a/zero,a/one,adapter"
    )
    first = imported(world, "edges", path)
    size = world.size()

    again = imported(world, "edges", path)

    assert states(first) == ["admitted", "admitted", "refused", "admitted as stub"]
    assert states(again) == ["already there", "already there", "refused", "already there"]
    assert (world.size(), again.entries) == (size, [])
    assert world.ancestors("hf:a/three") == {"hf:a/two", "hf:a/one", "hf:a/zero"}
    (edge,) = world.verdict("hf:a/two").parents
    assert (edge.relation, edge.evidence) == ("finetune", Evidence.CLAIMED)
    world.check()


def test_what_is_new_in_a_list_that_grew_is_claimed_alone(world: World) -> None:
    imported(world, "edges", edges(world, "a/one,a/two,merge"))
    path = edges(world, "a/one,a/two,merge", "a/other,a/two,merge")

    found = imported(world, "edges", path)

    assert states(found) == ["already there", "admitted as stub"]
    assert len(world.verdict("hf:a/two").parents) == 2
    world.check()


def test_a_repeated_record_is_one_edge(world: World) -> None:
    found = imported(world, "edges", edges(world, "a/one,a/two,merge", "a/one,a/two,merge"))

    assert states(found) == ["admitted as stub"] * 2
    assert len(world.verdict("hf:a/two").parents) == 1
    world.check()


def test_an_edge_that_the_log_refuses_costs_itself_alone(world: World) -> None:
    imported(world, "edges", edges(world, "a/one,a/two,merge", "a/two,a/three,merge"))
    path = edges(world, "b/x,b/y,merge", "a/three,a/one,merge", "b/y,b/z,merge")

    found = imported(world, "edges", path)

    assert states(found) == ["admitted as stub", "refused", "admitted"]
    why = found.outcomes[1].why
    assert (why.gist, "hf:a/three descends from hf:a/one" in why.sentence) == (UNFIT, True)
    assert states(imported(world, "edges", path)) == ["already there", "refused", "already there"]
    world.check()


def test_a_card_that_the_log_refuses_costs_none_of_those_logged_with_it(world: World) -> None:
    imported(world, "edges", edges(world, "a/one,a/two,merge"))
    for name, base in (("a/one", "a/two"), ("b/one", "b/base"), ("b/two", "b/one")):
        folder = world.folder / "hub" / name
        folder.mkdir(parents=True)
        (folder / "README.md").write_text(f"---\nbase_model: {base}\n---\n")

    found = imported(world, "cards", world.folder / "hub")

    assert states(found) == ["refused", "admitted as stub", "admitted"]
    assert (found.outcomes[0].why.gist, len(found.entries)) == (UNFIT, 2)
    world.check()


def test_an_adapter_of_what_the_log_knows_as_an_adapter_is_a_fine_tune(world: World) -> None:
    imported(world, "edges", edges(world, "a/base,a/lora,adapter"))
    imported(world, "edges", edges(world, "a/lora,a/more,adapter"))

    assert [one.relation for one in world.verdict("hf:a/more").parents] == ["finetune"]
    world.check()


def test_what_somebody_else_claimed_is_claimed_again_by_this_operator(world: World) -> None:
    path = edges(world, "a/one,a/two,merge")
    imported(world, "edges", path)
    other = world.join("other", "publisher")
    with world.home.store.reading() as connection:
        assert claimed.by(connection, [other.public.id], ["hf:a/two"]) == {}
        assert claimed.by(connection, [world.home.keys("publisher").public.id], ["hf:a/two"]).keys() == {
            "hf:a/two"
        }


def test_claims_of_a_key_that_was_ended_are_made_again(world: World) -> None:
    path, end = edges(world, "a/one,a/two,merge"), world.time
    second = world.join(OPERATOR, "publisher")
    world.advance(10)
    claim = Claim("hf:a/two", (Parent("hf:a/one", "merge"),))
    world.say(claims.statement("edges.csv", "a" * 64, [claim], world.time), second)
    assert states(imported(world, "edges", path)) == ["already there"], (
        "another key of the same operator says so"
    )

    world.end(second, at=end)

    assert states(imported(world, "edges", path)) == ["admitted as stub"]
    with world.home.store.reading() as connection:
        assert claimed.described(connection, ["hf:a/one", "hf:a/two"]) == {"hf:a/two"}
    world.check()


def test_a_registered_parent_is_none_that_is_named_by_a_stub(world: World) -> None:
    own = world.model("hf:a/one", name="a/one")

    found = imported(world, "edges", edges(world, "a/one,a/two,merge"))

    assert states(found) == ["admitted as stub"], "a name of ours says nothing of the hub's"
    assert world.ancestors("hf:a/two") == {"hf:a/one"}
    assert own not in world.ancestors("hf:a/two")


def test_a_folder_of_cards_is_a_statement_a_card(world: World) -> None:
    for name, base in (("a/two", "a/one"), ("a/three", "a/two"), ("a/three", "a/two")):
        folder = world.folder / "hub" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "README.md").write_text(f"---\nbase_model: {base}\nlicense: mit\n---\n")
    (world.folder / "hub" / "README.md").write_text("---\nlicense: mit\n---\n")
    (world.folder / "hub" / "notes.txt").write_text("x")

    found = imported(world, "cards", world.folder / "hub")

    assert [one.source.name for one in found.found] == ["README.md", "a/three/README.md", "a/two/README.md"]
    assert states(found) == ["refused", "admitted", "admitted as stub"]
    assert len(found.entries) == 2
    assert [one.fact.license for one in world.verdict("hf:a/three").claims] == ["mit"]
    assert states(imported(world, "cards", world.folder / "hub")) == [
        "refused",
        "already there",
        "already there",
    ]
    world.check()


def test_a_license_that_comes_back_is_claimed_anew(world: World) -> None:
    card = world.folder / "README.md"
    for terms in ("mit", "other", "mit"):
        card.write_text(f"---\nlicense: {terms}\n---\n")
        assert states(imported(world, "cards", card, target="hf:a/b")) == ["admitted"]
        world.advance(1)

    assert [one.fact.license for one in world.verdict("hf:a/b").claims] == ["mit", "other", "mit"]
    assert states(imported(world, "cards", card, target="hf:a/b")) == ["already there"]
    world.check()


def test_an_index_says_what_recipes_make(world: World) -> None:
    recipes = world.folder / "recipes"
    recipes.mkdir()
    for name in ("one", "two", "three", "four"):
        (recipes / f"{name}.yaml").write_text(
            "merge_method: linear\nmodels: [{model: a/b, parameters: {weight: 1}}]\n"
        )
    index = world.folder / "index.json"
    index.write_text(
        '[{"file": "recipes/one.yaml", "target": "a/made", "n": 1}, {"file": "recipes/two.yaml", "target": null},'
        ' {"file": "recipes/three.yaml", "target": "13B-BlueMethod"}]'
    )

    found = imported(world, "recipes", recipes, index=index)

    outcomes = {one.source.name: found.outcomes[place] for place, one in enumerate(found.found)}
    assert outcomes["one.yaml"].state == "admitted as stub"
    assert {name: one.why.gist for name, one in outcomes.items() if one.why} == {
        "two.yaml": "makes nothing that is named",
        "three.yaml": "is of what names no owner",
        "four.yaml": "makes nothing that is named",
    }
    assert world.descendants("hf:a/b") == {"hf:a/made"}
    world.check()


@pytest.mark.parametrize(
    "text",
    [
        '{"file": 1}',
        '[{"file": "x"}]',
        '[{"file": "x", "target": 1}]',
        '[{"file": "\\u0000", "target": null}]',
        "[",
    ],
)
def test_an_index_that_is_none_is_misuse(world: World, text: str) -> None:
    (world.folder / "index.json").write_text(text)
    with pytest.raises(Malformed):
        sources.indexed(world.folder / "index.json")


def test_a_dry_run_says_the_same_and_logs_nothing(world: World) -> None:
    path, size = edges(world, "a/one,a/two,merge", "a/two,a/three,merge"), world.size()

    dry = imported(world, "edges", path, dry=True)

    assert (world.size(), dry.entries) == (size, [])
    assert states(dry) == states(imported(world, "edges", path)) == ["admitted as stub", "admitted"]


def test_what_cannot_be_read_is_a_record(world: World) -> None:
    folder = world.folder / "hub"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "README.md").symlink_to("nowhere")
    (folder / "a" / "b" / "odd\u202e.md").write_text("---\nlicense: mit\n---\n")

    found = imported(world, "cards", folder)

    assert states(found) == ["refused", "refused"]
    gists = {one.record.why.gist for one in found.found if isinstance(one.record, Unread)}
    assert gists == {"cannot be read", "has a name that cannot be signed"}


def test_a_document_that_is_too_large_is_a_record(world: World) -> None:
    path = edges(world)
    os.truncate(path, sources.MOST_BYTES + 1)
    found = imported(world, "edges", path)
    assert found.outcomes[0].why.gist == "is too large"


def test_a_folder_without_documents_and_a_path_to_nothing_are_misuse(world: World) -> None:
    reader = ingest.kinds()["cards"]
    (world.folder / "empty").mkdir()
    with pytest.raises(Malformed, match="holds none of model cards"):
        sources.listed(reader, world.folder / "empty")
    with pytest.raises(FileNotFoundError):
        sources.listed(reader, world.folder / "nowhere")


def test_many_claims_are_several_statements_in_order(world: World) -> None:
    chain = [f"a/{n},b/{n},merge" for n in range(1500)] + [f"b/{n},c/{n},merge" for n in range(1000)]

    found = imported(world, "edges", edges(world, *reversed(chain)))

    assert len(found.entries) == 3
    assert states(found).count("admitted") == 1000
    assert states(imported(world, "edges", edges(world, *chain))) == ["already there"] * 2500


def test_a_key_that_may_not_speak_is_nobody_s_record_s_fault(world: World) -> None:
    world.end(world.home.keys("publisher"), at=world.time)
    world.advance(10)
    size = world.size()

    with pytest.raises(Forbidden, match="is good from"):
        imported(world, "edges", edges(world, "a/one,a/two,merge", "a/two,a/three,merge"))
    assert world.size() == size


@pytest.mark.parametrize("step", here([Step.COMMITTED], Step))
def test_an_import_that_is_stopped_anywhere_goes_on_where_it_was(world: World, step: Step) -> None:
    lines = [f"a/{n % 7},b/{n},merge" for n in range(2200)]
    path = edges(world, *lines)
    seen: list[Step] = []

    class Stopped(BaseException):
        pass

    def at(reached: Step) -> None:
        seen.append(reached)
        if seen.count(step) == 2 and reached == step:
            raise Stopped

    world.home._at = at
    with pytest.raises(Stopped):
        imported(world, "edges", path)
    world.reopen()
    before = world.size()

    found = imported(world, "edges", path)

    there = states(found).count("already there")
    assert there in (1000, 2000)
    assert before == 2 + there // 1000 - 1
    assert states(imported(world, "edges", path)) == ["already there"] * 2200
    assert world.fsck().findings == ()
