"""Registering a folder: once, whatever it is said twice, and usable when the folder is gone."""

import shutil
from pathlib import Path

import pytest
from making import floats, write_model
from world import World

from lineage.facts import Evidence
from lineage.predicates import manifest, signature
from merger.folder import describe
from registry.store import Absent
from registry.work.add import Declared, add
from registry.work.shelf import keep
from signing.errors import Malformed, Refused, Untrusted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "tuned", {"w": ("F32", (4,), floats([1, 2, 3, 4]))})


def test_a_registered_folder_has_the_id_that_sha256sum_gives_it(world: World, folder: Path) -> None:
    added = add(world.home, folder, Declared())

    assert added.description.artifact == describe(folder).artifact
    assert world.verdict(added.description.artifact).files == 3
    world.check(added.receipts)


def test_registering_twice_changes_nothing(world: World, folder: Path) -> None:
    declared = Declared(name="kennel/tuned", license="mit", parents=[("hf:acme/base", "finetune")])
    first = add(world.home, folder, declared)
    size = world.size()
    world.advance(60)

    again = add(world.home, folder, declared)

    assert world.size() == size
    assert {one.index for one in again.receipts} <= {one.index for one in first.receipts}
    world.check()


def test_a_name_and_a_license_that_moved_on_are_said_again(world: World, folder: Path) -> None:
    artifact = add(world.home, folder, Declared(name="kennel/tuned", license="mit")).description.artifact
    other = world.model(name="kennel/tuned")
    world.license(artifact, "apache-2.0")
    world.advance(60)

    add(world.home, folder, Declared(name="kennel/tuned", license="mit"))

    assert world.verdict(artifact).license == "mit"
    assert world.verdict(artifact).names == ("kennel/tuned",)
    assert world.verdict(other).names == ()
    world.check()


def test_parents_are_signed_edges_each_once(world: World, folder: Path) -> None:
    base = world.model(name="kennel/base")
    parents = [
        ("kennel/base", "finetune"),
        ("kennel/base", "finetune"),
        ("hf:acme/base@" + "a" * 40, "merge"),
    ]

    artifact = add(world.home, folder, Declared(parents=parents)).description.artifact

    edges = {(edge.parent, edge.relation, edge.evidence) for edge in world.verdict(artifact).parents}
    assert edges == {
        (base, "finetune", Evidence.SIGNED),
        ("hf:acme/base@" + "a" * 40, "merge", Evidence.SIGNED),
    }
    assert len(world.verdict(artifact).parents) == 2
    world.check()


def test_what_was_copied_can_be_merged_after_its_folder_is_gone(world: World, folder: Path) -> None:
    copied = add(world.home, folder, Declared(), copy=True).description.artifact
    other = world.model()
    shutil.rmtree(folder)
    write_model(
        folder,
        {"layers.0.weight": ("F32", (4, 4), floats(range(16))), "norm": ("F32", (4,), floats(range(4)))},
    )
    replaced = add(world.home, folder, Declared(), copy=True).description.artifact
    shutil.rmtree(folder)

    merged = world.merge("linear", replaced, other)

    assert world.verdict(merged).parents[0].evidence is Evidence.SIGNED
    assert {edge.parent for edge in world.verdict(merged).parents} == {replaced, other}
    assert copied != replaced
    world.check()


def test_a_folder_without_weights_is_an_artifact_without_tensors(world: World, tmp_path: Path) -> None:
    (tmp_path / "card").mkdir()
    (tmp_path / "card" / "README.md").write_text("words")

    added = add(world.home, tmp_path / "card", Declared())

    assert added.description.manifest.tensors == ()
    assert len(added.receipts) == 2
    with pytest.raises(Malformed, match=r"config\.json"):
        world.merge("linear", added.description.artifact, world.model())
    world.check()


REFUSED: dict[str, tuple[Declared, type[Refused], str]] = {
    "an unknown parent": (Declared(parents=[("kennel/nobody", "finetune")]), Absent, "nothing is called"),
    "itself": (Declared(parents=[("./tuned", "finetune")]), Refused, "studbook add|is this very artifact"),
    "a name with a space": (Declared(name="a b/c"), Malformed, "name"),
    "a name without a namespace": (Declared(name="tuned"), Malformed, "name"),
    "an empty name": (Declared(name=""), Malformed, "name"),
    "an empty license": (Declared(license=""), Malformed, "license"),
    "a name that climbs": (Declared(name="../../x"), Malformed, "name"),
    "a license with a line break": (Declared(license="mit\nOwner: me"), Malformed, "license"),
    "a stub that is no repository": (Declared(parents=[("hf:acme", "finetune")]), Malformed, "hf:acme"),
    "a relation nobody knows": (Declared(parents=[("hf:a/b", "stolen")]), Malformed, "relation|stolen"),  # type: ignore[list-item] # what is refused
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_declared_is_refused_and_nothing_is_logged(
    world: World, folder: Path, case: str, monkeypatch
) -> None:
    monkeypatch.chdir(folder.parent)
    declared, kind, sentence = REFUSED[case]
    size = world.size()

    with pytest.raises(kind, match=sentence):
        add(world.home, folder, declared)

    assert world.size() == size
    world.check()


def test_a_name_in_other_letters_is_refused_and_costs_nothing(world: World, folder: Path) -> None:
    world.model(name="kennel/base")
    size = world.size()

    with pytest.raises(Refused, match="differs only in case"):
        add(world.home, folder, Declared(name="Kennel/Base"))

    assert world.size() == size
    world.check()


def test_a_manifest_that_lies_about_files_is_found_by_whoever_has_them(world: World, folder: Path) -> None:
    honest = describe(folder)
    other = describe(write_model(world.folder / "other", {"w": ("F32", (4,), floats([9, 9, 9, 9]))}))
    lie = honest.manifest.model_copy(
        update={"tensors": other.manifest.tensors, "blocks": other.manifest.blocks}
    )
    keep(world.home, lie, other.blocks)
    files = {file.name: file.sha256 for file in honest.manifest.files}
    world.publish(
        "publisher", signature.statement("tuned", files), manifest.statement(honest.artifact, lie.digest)
    )
    before = world.size()

    with pytest.raises(Untrusted, match=f"{lie.digest} that is signed for {honest.artifact} is not that of"):
        add(world.home, folder, Declared())

    assert world.size() == before
