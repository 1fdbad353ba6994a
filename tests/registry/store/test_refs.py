"""A reference means one artifact, or a sentence says what is missing."""

from pathlib import Path

import pytest
from world import World

from lineage.predicates import name
from registry.store import Absent, artifacts, places, refs
from signing.errors import Malformed, Refused


def resolve(world: World, ref: str) -> str:
    with world.home.store.reading() as connection:
        return refs.resolve(connection, ref)


def bind(world: World, artifact: str, bound: str, revision: str | None = None) -> None:
    world.advance(1)
    world.publish("publisher", name.statement(artifact, bound, revision, world.time))


def test_an_id_and_its_beginnings(world: World) -> None:
    artifact = world.artifact()
    for digits in (64, 63, 20, 8):
        assert resolve(world, artifact[: len("sha256:") + digits]) == artifact


@pytest.mark.parametrize(
    "ref", ["sha256:", "sha256:abc", "sha256:" + "AB" * 32, "sha256:" + "a" * 65, "sha256:%%%%%%%%"]
)
def test_what_is_no_id_is_malformed(world: World, ref: str) -> None:
    with pytest.raises(Malformed, match="8 to 64 lower-case hex digits"):
        resolve(world, ref)


def test_a_beginning_of_several_says_which(world: World) -> None:
    from sqlalchemy import text

    ids = [f"sha256:{'ab' * 4}{number:056x}" for number in range(6)]
    with world.home.store.writing() as connection:
        for number, artifact in enumerate(ids):
            connection.execute(
                text("INSERT INTO node (number, id, first, ancestors, depth) VALUES (:n, :i, 0, 0, 0)"),
                {"n": number + 100, "i": artifact},
            )
    with pytest.raises(Malformed, match=f"{ids[0]}.*{ids[3]} and more"):
        resolve(world, "sha256:abababab")
    with pytest.raises(Absent, match="no artifact sha256:ffffffff"):
        resolve(world, "sha256:ffffffff")


def test_the_newest_binding_of_a_name_wins_and_revisions_stay(world: World) -> None:
    first, second = world.artifact(), world.artifact()
    bind(world, first, "kennel/Dog", "v1")
    bind(world, second, "kennel/Dog", "v2")

    assert resolve(world, "kennel/Dog") == second
    assert resolve(world, "kennel/dog") == second
    assert resolve(world, "kennel/Dog@v1") == first
    assert world.verdict(first).names == ("kennel/Dog@v1",)
    assert world.verdict(second).names == ("kennel/Dog", "kennel/Dog@v2")
    bind(world, first, "kennel/Dog")
    assert resolve(world, "kennel/Dog") == first
    assert resolve(world, "kennel/Dog@v2") == second
    world.check()


def test_t19_a_name_that_differs_in_case_only_is_refused(world: World) -> None:
    first, second = world.artifact(), world.artifact()
    bind(world, first, "kennel/Dog")
    with pytest.raises(Refused, match="kennel/Dog"):
        bind(world, second, "kennel/dog")


def test_a_registered_folder_and_what_it_is_told_apart_from(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact, other = world.model(), world.model()
    monkeypatch.chdir(world.folder)

    for ref in (str(world.folder / "model-1"), "./model-1", "model-1", "./model-2/../model-1"):
        assert resolve(world, ref) == artifact
    Path("unknown").mkdir()
    with pytest.raises(Absent, match=r"`studbook add \./unknown`"):
        resolve(world, "./unknown")
    with pytest.raises(Absent, match="`studbook add unknown`"):
        resolve(world, "unknown")
    with pytest.raises(Absent, match="nothing is called 'nothing'"):
        resolve(world, "nothing")

    Path("kennel").mkdir()
    with world.home.store.writing() as connection:
        places.put(connection, Path("kennel/dog"), artifact)
        assert places.of(connection, artifact) == (world.folder / "kennel/dog", world.folder / "model-1")
    assert resolve(world, "kennel/dog") == artifact
    bind(world, artifact, "kennel/dog")
    assert resolve(world, "kennel/dog") == artifact
    bind(world, other, "kennel/dog")
    with pytest.raises(Malformed, match=r"write \./kennel/dog for the folder"):
        resolve(world, "kennel/dog")
    assert resolve(world, "./kennel/dog") == artifact


def test_a_stub_is_itself(world: World) -> None:
    world.artifact("hf:org/Base")
    assert resolve(world, "hf:org/Base") == "hf:org/Base"
    with pytest.raises(Absent, match="hf:org/base is not named"):
        resolve(world, "hf:org/base")


def test_what_is_held_about_one_artifact(world: World) -> None:
    artifact = world.model(license="mit")
    world.advance(1)
    world.license(artifact, "apache-2.0")
    stub_child = world.artifact("hf:org/Base")

    with world.home.store.reading() as connection:
        assert set(artifacts.files(connection, artifact)) == {
            "config.json",
            "model.safetensors",
            "tokenizer.json",
        }
        assert artifacts.registered(connection, artifact) == 1
        assert artifacts.license_of(connection, artifact) == "apache-2.0"
        assert artifacts.license_of(connection, stub_child) is None
        assert [len(one) for one in artifacts.manifests(connection, artifact)] == [64]
        assert artifacts.manifests(connection, stub_child) == ()
        assert artifacts.builds(connection, artifact) == ()
        with pytest.raises(Absent, match="hf:org/Base is not registered"):
            artifacts.files(connection, "hf:org/Base")
