"""Where an artifact's bytes are: found, laid out again, or missed in a sentence that says how to mend it."""

import shutil
from pathlib import Path

import pytest
from world import World

from lineage.predicates import manifest as manifest_statement
from merger.folder import Changed
from registry.store import Absent
from registry.work.add import Declared, add
from registry.work.shelf import keep, shelved
from signing.digest import sha256_hex
from signing.errors import Refused, Untrusted


@pytest.fixture
def model(world: World) -> str:
    return world.model()


def folder(world: World) -> Path:
    return world.folder / "model-1"


def test_a_moved_folder_says_where_it_was_and_how_to_mend_it(world: World, model: str) -> None:
    moved = folder(world).rename(world.folder / "moved")

    with pytest.raises(
        Absent, match=rf"not here: it was in {folder(world)}; bring them back and `studbook add`"
    ):
        shelved(world.home, [model])

    size = world.size()
    add(world.home, moved, Declared())
    assert shelved(world.home, [model])[model].folder == moved
    assert world.size() <= size + 1


def test_a_second_folder_is_found_where_the_first_is_gone(world: World, model: str) -> None:
    copy = shutil.copytree(folder(world), world.folder / "copy")
    add(world.home, copy, Declared())
    shutil.rmtree(folder(world))
    assert shelved(world.home, [model])[model].folder == copy


def test_a_folder_that_holds_another_model_now_is_not_taken_for_the_first(world: World, model: str) -> None:
    with (folder(world) / "config.json").open("ab") as file:
        file.write(b" ")
    with pytest.raises(Absent, match="bring them back"):
        shelved(world.home, [model])


def test_an_artifact_that_was_never_here_says_so(world: World) -> None:
    foreign = world.artifact()
    with pytest.raises(Absent, match="has no manifest"):
        shelved(world.home, [foreign])


@pytest.mark.parametrize("which", ["digest", "blocks"])
@pytest.mark.parametrize("how", ["changed", "gone"])
def test_a_manifest_that_was_changed_on_disk_is_refused_with_both_digests(
    world: World, model: str, which: str, how: str
) -> None:
    found = shelved(world.home, [model])[model].manifest
    digest = getattr(found, which)
    blob = world.home.blobs.path(digest)
    raw = bytearray(blob.read_bytes())
    blob.unlink()
    if how == "changed":
        raw[0] ^= 1
        blob.write_bytes(raw)

    with pytest.raises(Refused) as refused:
        shelved(world.home, [model])

    assert digest in str(refused.value)
    if how == "changed":
        assert isinstance(refused.value, Untrusted)
        assert sha256_hex(bytes(raw)) in str(refused.value)


def test_t17_a_stored_blob_that_was_changed_on_disk_is_not_merged(world: World, model: str) -> None:
    add(world.home, folder(world), Declared(), copy=True)
    other = world.model()
    weights = next(
        f for f in shelved(world.home, [model])[model].manifest.files if f.name == "model.safetensors"
    )
    shutil.rmtree(folder(world))
    blob = world.home.blobs.path(weights.sha256)
    blob.chmod(0o600)
    raw = bytearray(blob.read_bytes())
    raw[-1] ^= 1
    blob.write_bytes(raw)
    size = world.size()

    with pytest.raises(Changed, match="differs from what was signed"):
        world.merge("linear", model, other)

    assert world.size() == size


def test_what_is_laid_out_again_is_laid_out_once_and_completed_after_a_stop(world: World, model: str) -> None:
    add(world.home, folder(world), Declared(), copy=True)
    shutil.rmtree(folder(world))
    laid = shelved(world.home, [model])[model].folder
    (laid / "config.json").unlink()

    again = shelved(world.home, [model])[model].folder

    assert again == laid
    assert sorted(one.name for one in laid.iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]


@pytest.mark.parametrize("escape", ["../../stolen", "/tmp/stolen", "a/../../stolen", "C:\\stolen"])
def test_t5_a_signed_manifest_cannot_lead_out_of_its_folder(world: World, model: str, escape: str) -> None:
    """Even a publisher's own key cannot make a home write or read outside of it."""
    found = shelved(world.home, [model])[model]
    foreign = world.artifact()
    file = found.manifest.files[0].model_copy(update={"name": escape})
    odd = found.manifest.model_copy(update={"files": (file,), "tensors": ()})
    keep(world.home, odd, found.blocks)
    world.publish("publisher", manifest_statement.statement(foreign, odd.digest))

    with pytest.raises(Refused, match="the file name"):
        shelved(world.home, [foreign])
