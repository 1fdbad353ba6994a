"""Chains: documents that build on each other are merged in turn, each registered, each used by the next."""

import pytest
from world import World

from merger.folder import describe
from registry.work.chain import Link, links
from registry.work.make import make
from registry.work.prepared import prepare
from signing.errors import Malformed

CHAIN = """\
name: soup
merge_method: linear
models: [{{model: {0}, parameters: {{weight: 1}}}}, {{model: {1}, parameters: {{weight: 1}}}}]
dtype: float32
---
name: blend
merge_method: slerp
base_model: soup
models: [{{model: soup}}, {{model: {2}}}]
parameters: {{t: 0.5}}
dtype: float32
---
merge_method: task_arithmetic
base_model: {0}
models: [{{model: blend, parameters: {{weight: 0.5}}}}, {{model: soup, parameters: {{weight: 0.5}}}}]
dtype: float32
"""


def made(world: World, text: str, out: str = "out") -> list[Link]:
    """Make every link that is not there yet."""
    found = []
    for link in links(world.home, text.encode(), world.folder / out):
        found.append(link)
        if link.artifact is None:
            make(world.home, link.prepared, link.folder)
    return found


def test_documents_are_merged_in_turn_into_folders_beside(world: World) -> None:
    models = [world.model(name=f"kennel/m{i}") for i in range(3)]

    found = made(world, CHAIN.format(*models))

    assert [link.folder.name for link in found] == ["out.soup", "out.blend", "out"]
    soup, blend, last = (describe(link.folder).artifact for link in found)
    assert [parent.model for parent in found[2].prepared.recipe.parents] == [blend, soup]
    assert found[1].prepared.named["soup"] == soup
    assert {edge.parent for edge in world.verdict(last).parents} == {models[0], blend, soup}
    assert {edge.parent for edge in world.verdict(blend).parents} == {soup, models[2]}
    world.check()


def test_a_chain_that_was_stopped_goes_on_where_it_was(world: World) -> None:
    text = CHAIN.format(*[world.model() for _ in range(3)])
    first = next(iter(links(world.home, text.encode(), world.folder / "out")))
    make(world.home, first.prepared, first.folder)
    size = world.size()

    found = made(world, text)

    assert found[0].artifact == describe(first.folder).artifact
    assert [link.artifact for link in found[1:]] == [None, None]
    assert world.size() > size
    again = links(world.home, text.replace("t: 0.5", "t: 0.25").encode(), world.folder / "out")
    next(again)
    # Another recipe's folder is no result of this one.
    assert next(again).artifact is None


def test_one_document_is_a_chain_of_one(world: World) -> None:
    text = CHAIN.format(*[world.model() for _ in range(3)]).split("---")[0]

    (link,) = links(world.home, text.encode(), world.folder / "out")

    assert link.folder.name == "out"
    assert link.prepared.recipe == prepare(world.home, text.encode()).recipe


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("name: soup", "name: a/b"),
            r"document 1 of 3 has the name 'a/b'; all but the last need one of letters",
        ),
        (("name: blend\n", ""), r"document 2 of 3 has the name None"),
        (("name: blend", "name: soup"), r"two documents are named 'soup'"),
        (
            ("[{{model: soup}}", "[{{model: blend}}"),
            r"document 2 names 'blend', which is document 2; put it first",
        ),
        (("model: {1}", "model: blend"), r"document 1 names 'blend', which is document 2; put it first"),
    ],
)
def test_documents_that_do_not_lead_to_each_other_are_refused(
    world: World, change: tuple[str, str], said: str
) -> None:
    text = CHAIN.replace(*change).format(*[world.model() for _ in range(3)])

    with pytest.raises(Malformed, match=said):
        made(world, text)


def test_a_seed_and_a_single_recipe_belong_together(world: World) -> None:
    text = CHAIN.format(*[world.model() for _ in range(3)]).encode()

    with pytest.raises(Malformed, match="--seed holds for one recipe"):
        next(links(world.home, text, world.folder / "out", "7"))
    with pytest.raises(Malformed, match="holds 3 documents, which are merged one after another"):
        prepare(world.home, text)


def test_a_folder_does_not_shadow_a_document(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    text = CHAIN.format(*[world.model() for _ in range(3)]).encode()
    (world.folder / "soup").mkdir()
    monkeypatch.chdir(world.folder)

    with pytest.raises(Malformed, match=r"'soup' is document 1 and also a folder here"):
        next(links(world.home, text, world.folder / "out"))
