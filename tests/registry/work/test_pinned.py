"""The trusted root that rebuilders and auditors judge by: pinned beforehand, followed forwards, and never the registry's word unasked."""

from pathlib import Path
from typing import Any

import pytest
from rebuilding import supply
from world import World

from registry.home import Home
from registry.work.pinned import Pinned, keep, newer, pin
from signing import canonical
from signing.errors import Malformed, Untrusted


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "abroad"


def file(world: World, name: str = "root.json") -> Path:
    """What reaches a rebuilder by another way than the registry."""
    path = world.folder / name
    path.write_bytes(world.home.root().encode())
    return path


def pinned(world: World, home: Path, given: Path | None = None, *, first_use: bool = False) -> Pinned:
    with supply(world) as source:
        kept, own = home / "rebuilder" / "trusted_root.json", home / "trusted_root.json"
        found = pin(kept, own, source, given, first_use=first_use)
    keep(kept, found)
    return found


def said_newer(world: World, found: Pinned) -> int | None:
    with supply(world) as source:
        return newer(found.root, source)


def test_t16_the_registry_s_own_word_is_not_taken_unasked(world: World, home: Path) -> None:
    with pytest.raises(
        Malformed, match=r"no trusted root is pinned for http://kennel.example: name the file"
    ):
        pinned(world, home)
    assert not home.exists()

    taken = pinned(world, home, first_use=True)

    assert (taken.taken, taken.root) == (True, world.home.root())
    assert pinned(world, home, first_use=True).taken is False, "pinned once, it stands"


def test_what_was_given_once_stays_pinned_and_is_followed_by_a_newer_one(world: World, home: Path) -> None:
    first = pinned(world, home, file(world))
    assert pinned(world, home) == Pinned(first.root, taken=False, new=False)
    world.join("ann", "rebuilder")

    behind = pinned(world, home)
    assert (behind.root.version, said_newer(world, behind)) == (1, 2)
    assert pinned(world, home, file(world)).root.version == 2
    assert pinned(world, home) == Pinned(world.home.root(), taken=False, new=False)
    assert said_newer(world, pinned(world, home)) is None


def test_t16_an_older_version_than_the_pinned_one_is_refused(world: World, home: Path) -> None:
    old = file(world, "old.json")
    world.join("ann", "rebuilder")
    pinned(world, home, file(world))

    with pytest.raises(Untrusted, match="version 2 of the trusted root is pinned, and this is version 1"):
        pinned(world, home, old)
    assert pinned(world, home).root.version == 2


def test_t16_another_root_of_the_pinned_version_is_refused_also_where_it_was_pinned_meanwhile(
    world: World, home: Path
) -> None:
    kept, other = home / "rebuilder" / "trusted_root.json", world.folder / "other.json"
    other.write_bytes(canonical.encode(bent(canonical.decode(world.home.root().encode()))))
    with supply(world) as source:
        beside = pin(kept, home / "none", source, other, first_use=False)
    assert not home.exists(), "nothing is pinned before the log is accepted"
    pinned(world, home, file(world))

    for refused in (lambda: pinned(world, home, other), lambda: keep(kept, beside)):
        with pytest.raises(
            Untrusted, match=r"version 1 of the trusted root is pinned in .* as \w{64}, and this one is"
        ):
            refused()
    assert pinned(world, home).root == world.home.root()


def test_a_registry_that_signs_its_log_with_another_key_is_not_the_pinned_one(
    world: World, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = World(tmp_path / "other")
    _rekey(other)
    pinned(world, home, file(world))

    for given in (None, file(world)):
        with pytest.raises(Untrusted, match="does not sign its log as the pinned trusted root says"):
            pinned(other, home, given)
    with pytest.raises(
        Untrusted, match=r"pins the log .*, and this trusted root is for .*: judge another log"
    ):
        pinned(other, home, file(other))
    with pytest.raises(Untrusted, match="does not sign its log as the pinned"):
        pinned(other, tmp_path / "fresh", file(world))
    assert not (tmp_path / "fresh").exists()


def test_a_home_is_pinned_to_its_own_registry_and_to_no_other(world: World, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = World(tmp_path / "other")
    _rekey(other)

    assert pinned(world, world.home.path).root == world.home.root()
    with pytest.raises(Malformed, match="no trusted root is pinned"):
        pinned(other, world.home.path)


def test_a_file_that_is_no_trusted_root_is_named(world: World, home: Path, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")

    with pytest.raises(Malformed, match=r"x\.json: trusted root: "):
        pinned(world, home, tmp_path / "x.json")


def bent(document: dict[str, Any]) -> dict[str, Any]:
    """The same version of the same log's root, saying something else."""
    return document | {"keys": [key | {"contact": "mallory"} for key in document["keys"]]}


def _rekey(world: World) -> None:
    """Give a world a log of its own: worlds begin as copies of one home."""
    world.home.store.close()
    world.home = Home.create(world.folder / "fresh", "other", clock=lambda: world.time)
