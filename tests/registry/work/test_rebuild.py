"""Deriving an artifact again: the same bytes, or a signed verdict that says where a provenance lies."""

import shutil

import pytest
from rebuilding import flip, folder, forged
from world import OPERATOR, World

from lineage.facts import Evidence
from lineage.predicates import provenance, signature
from lineage.predicates.rebuild import verifier
from lineage.rebuilds import Failed, NotReproduced, Reproduced
from merger.folder import describe
from merger.replay import Differs, Same
from registry.store import Absent
from registry.work.logged import find
from registry.work.rebuild import size
from signing.errors import Untrusted

FLIPPED = 5


@pytest.fixture
def merged(world: World) -> str:
    return world.merge("linear", world.model(), world.model())


def test_an_honest_merge_is_the_same_again_and_its_edges_are_reproduced(world: World, merged: str) -> None:
    rebuilt = world.rebuild(merged)

    assert rebuilt.outcome == Same()
    ((build, outcome),) = world.verdict(merged).rebuilds
    assert build == rebuilt.provenance.entry
    assert isinstance(outcome, Reproduced)
    assert {edge.evidence for edge in world.verdict(merged).parents} == {Evidence.REPRODUCED}
    assert list((world.home.path / "rebuilds").iterdir()) == []
    world.check([rebuilt.receipt])


def test_t11_a_lying_provenance_gets_a_verdict_that_names_tensor_element_and_distance(
    world: World, merged: str
) -> None:
    doctored = shutil.copytree(folder(world, 3), world.folder / "doctored")
    flip(doctored / "model.safetensors", FLIPPED)
    lie = forged(world, merged, doctored)

    rebuilt = world.rebuild(lie.artifact)

    assert isinstance(rebuilt.outcome, Differs)
    (tensor,) = rebuilt.outcome.tensors
    assert (tensor.tensor, tensor.first, tensor.ulp) == ("layers.0.weight", FLIPPED, 1)
    assert rebuilt.outcome.files == ("model.safetensors",)
    ((_, outcome),) = world.verdict(lie.artifact).rebuilds
    assert isinstance(outcome, NotReproduced)
    assert outcome.failed == (Failed(verifier(OPERATOR), ("layers.0.weight", "model.safetensors")),)
    # Other bits do not prove other parents: the edges stay what a builder signed, and are lifted to nothing.
    assert {edge.evidence for edge in world.verdict(lie.artifact).parents} == {Evidence.SIGNED}
    assert {edge.evidence for edge in world.verdict(merged).parents} == {Evidence.SIGNED}
    world.check([rebuilt.receipt])


def test_t11_a_provenance_that_names_the_true_artifacts_manifest_is_not_reproduced(
    world: World, merged: str
) -> None:
    doctored = shutil.copytree(folder(world, 3), world.folder / "doctored")
    flip(doctored / "model.safetensors", FLIPPED)
    # Nobody has described the doctored bytes: the only manifest that is signed for them is another artifact's.
    files = {file.name: file.sha256 for file in describe(doctored).manifest.files}
    artifact = describe(doctored).artifact
    truth = describe(folder(world, 3)).manifest.digest
    recipe = find(world.home, merged).recipe
    world.publish("publisher", signature.statement("doctored", files))
    world.publish(
        "builder", provenance.statement(artifact, recipe, truth, "ab" * 32, "0.1.0", {}, by_rows=False)
    )

    # What the command line asks first, to draw its bar, must not refuse before the verdict.
    assert size(world.home, find(world.home, artifact)) > 0
    rebuilt = world.rebuild(artifact)

    assert rebuilt.outcome == Differs((), ("model.safetensors",))
    ((_, outcome),) = world.verdict(artifact).rebuilds
    assert isinstance(outcome, NotReproduced)
    with pytest.raises(Untrusted, match="list the files of others"):
        world.merge("linear", artifact, merged)


def test_a_doctored_small_file_is_named_alone(world: World, merged: str) -> None:
    doctored = shutil.copytree(folder(world, 3), world.folder / "doctored")
    (doctored / "config.json").write_bytes(b'{"auto_map":{"AutoModel":"evil.Model"}}')
    lie = forged(world, merged, doctored)

    outcome = world.rebuild(lie.artifact).outcome

    assert outcome == Differs((), ("config.json",))


@pytest.mark.parametrize("fate", ["gone", "changed", "cut", "no header"])
def test_a_lie_is_told_though_its_own_bytes_are_no_longer_here(world: World, merged: str, fate: str) -> None:
    doctored = shutil.copytree(folder(world, 3), world.folder / "doctored")
    flip(doctored / "model.safetensors", FLIPPED)
    lie = forged(world, merged, doctored)
    match fate:
        case "gone":
            shutil.rmtree(doctored)
        case "changed":
            flip(doctored / "model.safetensors", 2)
        case "no header":
            raw = (doctored / "model.safetensors").read_bytes()
            (doctored / "model.safetensors").write_bytes(b"\xff" * len(raw))
        case "cut":
            (doctored / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")

    rebuilt = world.rebuild(lie.artifact)

    assert isinstance(rebuilt.outcome, Differs)
    assert [one.tensor for one in rebuilt.outcome.tensors] == ["layers.0.weight"]
    assert [one.first for one in rebuilt.outcome.tensors] == [None]
    world.check([rebuilt.receipt])


def test_a_rebuild_works_without_the_merged_folder_and_not_without_an_input(
    world: World, merged: str
) -> None:
    shutil.rmtree(folder(world, 3))
    assert world.rebuild(merged).outcome == Same()

    shutil.rmtree(folder(world, 1))
    size = world.size()
    with pytest.raises(Absent, match=r"not here: it was in .*model-1.*studbook add"):
        world.rebuild(merged)
    assert world.size() == size


def test_what_no_recipe_made_cannot_be_derived_again(world: World) -> None:
    with pytest.raises(Absent, match="not made by a recipe"):
        world.rebuild(world.model())


def test_rebuilding_twice_is_one_operator_s_one_voice(world: World, merged: str) -> None:
    world.rebuild(merged)
    world.advance(5)
    world.rebuild(merged, threads=2)

    ((_, outcome),) = world.verdict(merged).rebuilds
    assert isinstance(outcome, Reproduced)
    assert len(outcome.verifiers) == 1
    world.check()


def test_a_rebuild_changes_no_file_of_the_original(world: World, merged: str) -> None:
    before = describe(folder(world, 3)).artifact
    world.rebuild(merged)
    assert describe(folder(world, 3)).artifact == before == merged
