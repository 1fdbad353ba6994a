"""Who may say what about whose artifact, and that saying it again changes nothing."""

from collections.abc import Callable

import pytest
from world import World

from lineage.predicates import derivation, license, manifest, name, provenance, search, signature  # noqa: A004
from merger.recipe import Recipe
from registry.store import artifacts
from signing.digest import artifact_id
from signing.errors import Forbidden
from signing.keys import PrivateKey
from signing.statement import Statement

DIGEST = "ab" * 32
FILES = {"model.safetensors": "cd" * 32}


@pytest.fixture
def guest(world: World) -> PrivateKey:
    """Another operator, who may publish and build in any namespace."""
    return world.join("guest", "publisher", "builder", "rebuilder")


def ours(world: World) -> PrivateKey:
    return world.home.keys("publisher")


SAID: dict[str, Callable[[str, str], Statement]] = {
    "license": lambda artifact, _: license.statement(artifact, "mit", 1),
    "manifest": lambda artifact, _: manifest.statement(artifact, DIGEST),
    "derivation": lambda artifact, other: derivation.statement(
        artifact, [derivation.Parent(artifact=other, relation="finetune")]
    ),
    "search": lambda artifact, other: search.statement(artifact, "adamerging", [other], None, None),
}


@pytest.mark.parametrize("what", SAID)
def test_nobody_speaks_for_another_s_artifact(world: World, guest: PrivateKey, what: str) -> None:
    artifact, other = world.artifact(), world.artifact()
    said = SAID[what](artifact, other)

    with pytest.raises(
        Forbidden, match=f"{artifact} is for kennel, who registered it; it is signed by guest"
    ):
        world.say(said, guest)

    world.say(said, guest, ours(world))
    world.check()


def test_signing_a_registration_again_makes_nobody_its_publisher(world: World, guest: PrivateKey) -> None:
    artifact = artifact_id(FILES)
    first = world.say(signature.statement("one", FILES), ours(world))
    again = world.say(signature.statement("one", FILES), guest)
    other = world.say(signature.statement("two", FILES), guest)
    assert first.index < again.index < other.index

    with pytest.raises(Forbidden, match="is for kennel"):
        world.say(license.statement(artifact, "mit", 1), guest)
    world.check()


def test_both_operators_of_a_registration_speak_for_it(world: World, guest: PrivateKey) -> None:
    world.say(signature.statement("one", FILES), ours(world), guest)
    world.say(license.statement(artifact_id(FILES), "mit", 1), guest)
    world.say(license.statement(artifact_id(FILES), "apache-2.0", 2), ours(world))
    world.check()


def test_names_and_builds_stay_open_to_whoever_may_say_them(world: World, guest: PrivateKey) -> None:
    artifact, other = world.artifact(), world.artifact()
    world.say(name.statement(artifact, "guest/x", None, 1), guest)
    recipe = Recipe.of(
        {
            "arithmetic": "1",
            "method": "linear",
            "parents": [{"model": other, "parameters": {"weight": "1"}}],
            "parameters": {"normalize": True},
        }
    )
    world.say(provenance.statement(artifact, recipe, DIGEST, DIGEST, "0.1.0", {}, by_rows=False), guest)
    world.check()


def test_t16_a_signature_taken_off_an_old_envelope_rolls_no_name_back(
    world: World, guest: PrivateKey
) -> None:
    old, new = world.artifact(), world.artifact()
    first = name.statement(old, "kennel/best", None, 1)
    world.say(first, ours(world), guest)
    world.say(name.statement(new, "kennel/best", None, 2), ours(world))

    again = world.say(first, guest)

    assert again.index == world.size() - 1
    assert world.resolve("kennel/best") == new
    world.check()


def test_a_license_is_not_rolled_back_either_nor_edges_doubled(world: World, guest: PrivateKey) -> None:
    artifact, parent = world.artifact(), world.artifact()
    old, edge = license.statement(artifact, "mit", 1), SAID["derivation"](artifact, parent)
    world.say(old, ours(world), guest)
    world.say(edge, ours(world), guest)
    world.say(license.statement(artifact, "agpl-3.0", 2), ours(world))

    world.say(old, ours(world))
    world.say(edge, ours(world))

    with world.home.store.reading() as connection:
        assert artifacts.license_of(connection, artifact) == "agpl-3.0"
    assert len(world.verdict(artifact).parents) == 1
    world.check()
