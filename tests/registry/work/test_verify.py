"""Proving a folder: each way of not being the artifact is named, and nothing is believed but pinned keys."""

import shutil
import socket
from pathlib import Path

import pytest
from world import World

from lineage.authority import TrustedRoot
from lineage.predicates import signature
from registry.home import Home
from registry.local import Local
from registry.store import log
from registry.work.verify import Fails, Holds, prove, verify_folder
from signing.bundle import Bundle
from signing.digest import artifact_id
from signing.errors import Malformed, Refused, Untrusted


class Replayed:
    """A registry that answers with what it likes."""

    def __init__(self, *bundles: bytes) -> None:
        self._bundles = bundles

    def bundles(self, _artifact: str) -> tuple[bytes, ...]:
        return self._bundles


@pytest.fixture
def folder(world: World) -> Path:
    world.model(name="kennel/base")
    return world.folder / "model-1"


def verified(world: World, folder: Path, expected: str | None = None, **how) -> Holds | Fails:
    answers = how.pop("answers", None) or Local(world.home.store, lambda: world.time)
    return verify_folder(folder, expected, answers, how.pop("root", world.home.root()), **how)


def test_what_was_registered_holds_and_says_what_was_proven(world: World, folder: Path) -> None:
    found = verified(world, folder)

    assert isinstance(found, Holds)
    assert found.files == 3
    assert [one.operators for one in found.proofs] == [("kennel",)]
    assert found.proofs[0].artifacts == (found.artifact,)
    assert found.proofs[0].proven.time == world.time


def test_a_merge_is_proven_with_its_provenance(world: World) -> None:
    merged = world.merge("linear", world.model(), world.model())

    found = verified(world, world.folder / "model-3", merged)

    assert isinstance(found, Holds)
    assert [one.proven.statement.predicate_type for one in found.proofs] == [
        "https://model_signing/signature/v1.0",
        "https://slsa.dev/provenance/v1",
    ]
    assert {one.artifacts for one in found.proofs} == {(merged,)}


def flip(folder: Path) -> None:
    raw = bytearray((folder / "model.safetensors").read_bytes())
    raw[-3] ^= 0x10
    (folder / "model.safetensors").write_bytes(raw)


CHANGES = {
    "a flipped bit": (flip, ("model.safetensors",), (), ()),
    "a cut file": (lambda f: (f / "config.json").write_bytes(b""), ("config.json",), (), ()),
    "a missing file": (lambda f: (f / "tokenizer.json").unlink(), (), ("tokenizer.json",), ()),
    "an extra file": (lambda f: (f / "modeling.py").write_text("import os"), (), (), ("modeling.py",)),
    "an extra file below": (
        lambda f: (f / "x").mkdir() or (f / "x" / "y.bin").write_text("z"), (), (), ("x/y.bin",),
    ),
    "a renamed file": (
        lambda f: (f / "config.json").rename(f / "Config.json"), (), ("config.json",), ("Config.json",),
    ),
    "two files exchanged": (
        lambda f: (
            (f / "config.json").rename(f / "t"),
            (f / "tokenizer.json").rename(f / "config.json"),
            (f / "t").rename(f / "tokenizer.json"),
        ),
        ("config.json", "tokenizer.json"), (), (),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES)
def test_t1_every_change_is_named_by_file(world: World, folder: Path, case: str) -> None:
    change, changed, missing, extra = CHANGES[case]
    artifact = world.resolve("kennel/base")
    change(folder)

    found = verified(world, folder, artifact)

    assert found == Fails(artifact, changed, missing, extra)
    for file in changed + missing + extra:
        assert file in found.sentence(folder)


def test_what_is_ignored_by_the_id_is_ignored_here(world: World, folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref")
    (folder / "model.sig").write_text("{}")
    assert isinstance(verified(world, folder), Holds)


def test_t5_a_link_is_not_followed_and_is_named(world: World, folder: Path) -> None:
    (folder / "config.json").rename(folder.parent / "config.json")
    (folder / "config.json").symlink_to("../config.json")
    with pytest.raises(Malformed, match=r"config\.json is a link"):
        verified(world, folder, world.resolve("kennel/base"))


def test_bytes_that_nobody_registered_are_not_proven(world: World, folder: Path) -> None:
    copy = shutil.copytree(folder, world.folder / "copy")
    flip(copy)
    with pytest.raises(Refused, match="which is not registered; name what it should be with --as"):
        verified(world, copy)


def test_t13_the_bundle_of_another_artifact_proves_nothing(world: World, folder: Path) -> None:
    other = world.model()
    replayed = Replayed(*Local(world.home.store, lambda: world.time).bundles(other))

    with pytest.raises(Untrusted, match=r"nothing that was answered about .* signs its list of files"):
        verified(world, folder, world.resolve("kennel/base"), answers=replayed)


def test_t13_another_statement_about_the_same_artifact_proves_no_files(world: World, folder: Path) -> None:
    artifact = world.resolve("kennel/base")
    with world.home.store.reading() as connection:
        bundles = [log.bundle(connection, index).encode() for index in range(2, world.size())]

    with pytest.raises(Untrusted, match="nothing that was answered"):
        verified(world, folder, artifact, answers=Replayed(*bundles))


def test_a_registry_that_answers_nothing_proves_nothing(world: World, folder: Path) -> None:
    with pytest.raises(Untrusted, match="nothing that was answered"):
        verified(world, folder, answers=Replayed())


def test_keys_that_were_not_pinned_prove_nothing(world: World, folder: Path, tmp_path: Path) -> None:
    stranger = Home.create(tmp_path / "stranger", "kennel", settings=world.settings)

    with pytest.raises(Untrusted, match=r"checkpoint|note|log"):
        verified(world, folder, root=stranger.root())


def test_a_publisher_key_that_was_not_pinned_proves_nothing(
    world: World, folder: Path, tmp_path: Path
) -> None:
    stranger = Home.create(tmp_path / "stranger", "kennel", settings=world.settings)
    known, other = world.home.root().encode(), stranger.root()
    pems = {key.roles: key.public.pem().decode().replace("\n", "\\n") for key in other.keys}
    for key in world.home.root().keys:
        if "publisher" in key.roles:
            known = known.replace(
                key.public.pem().decode().replace("\n", "\\n").encode(), pems[key.roles].encode()
            )

    with pytest.raises(Untrusted, match="no trusted key signed"):
        verified(world, folder, root=TrustedRoot.parse(known))


@pytest.mark.parametrize("part", ["envelope", "leaf", "index", "proof", "checkpoint"])
def test_a_bundle_with_any_part_of_another_entry_proves_nothing(
    world: World, folder: Path, part: str
) -> None:
    del folder
    world.model()
    with world.home.store.reading() as connection:
        mine, other = (Bundle.parse(log.bundle(connection, index).encode()) for index in (1, 4))
    parts = {one: getattr(mine, one) for one in ("envelope", "leaf", "index", "proof", "checkpoint")}
    mixed = Bundle(**parts | {part: getattr(other, part)})

    with pytest.raises(Refused):
        prove(mixed, world.home.root())


def test_proving_needs_neither_a_server_nor_a_network(world: World, folder: Path, monkeypatch) -> None:
    def refuse(*_args, **_how):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    assert isinstance(verified(world, folder), Holds)


def test_a_statement_proves_itself_with_no_home_at_all(world: World, folder: Path) -> None:
    """What travels is one line and the pinned root; everything else may be gone."""
    root = TrustedRoot.parse((world.home.path / "trusted_root.json").read_bytes().strip())
    (line,) = Local(world.home.store, lambda: world.time).bundles(world.resolve("kennel/base"))
    world.home.store.close()
    shutil.rmtree(world.home.path)

    found = verify_folder(folder, None, Replayed(line), root)

    assert isinstance(found, Holds)


def test_a_folder_of_another_artifact_fails_by_every_file_it_has(world: World, folder: Path) -> None:
    files = {"elsewhere.safetensors": "ab" * 32}
    world.publish("publisher", signature.statement("other", files))

    found = verified(world, folder, artifact_id(files))

    assert isinstance(found, Fails)
    assert found.missing == ("elsewhere.safetensors",)
    assert len(found.extra) == 3
