"""A mirror holds what was verified and nothing else; an auditor who is handed another byte than the log's says so."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from auditing import Files, Held, Signed, copied, look, served, twin
from growing import grow
from world import World

from lineage.predicates import license as license_predicate
from lineage.predicates import root as root_predicate
from registry.work.mirror import Mirror
from signing import dsse, tiles
from signing.errors import Refused, Untrusted
from signing.keys import PrivateKey
from signing.tiles import Tile

# Servers and mirrors of their own take half a minute: `make system` waits for them.
pytestmark = pytest.mark.system


@dataclass
class Failing:
    """A registry that stops answering after so many answers."""

    held: Held
    left: int = 10**9
    asked: list[str] = field(default_factory=list)

    def _ask(self, what: str) -> None:
        if self.left == 0:
            raise Refused("it does not answer")
        self.left -= 1
        self.asked.append(what)

    def checkpoint(self) -> bytes:
        self._ask("checkpoint")
        return self.held.checkpoint()

    def tile(self, tile: Tile) -> bytes:
        self._ask(tile.path)
        return self.held.tile(tile)

    def envelopes(self, entry: str, index: int) -> Iterator[bytes]:
        self._ask(entry)
        yield from self.held.envelopes(entry, index)


@pytest.mark.parametrize("size", [13, 256, 600])
def test_a_mirror_has_every_file_of_the_log_and_no_other(world: World, tmp_path: Path, size: int) -> None:
    grow(world, size)
    held, root = Held(world), world.home.root()

    audit = copied(held, root, tmp_path / "copy")

    assert audit.memory.size == size
    found = served(tmp_path / "copy")
    assert found.pop("checkpoint") == held.checkpoint()
    assert found.pop("trusted-root") == root.encode()
    for tile in tiles.tree(size):
        assert found.pop(tile.path) == held.tile(tile)
    for index, entry in enumerate(world.logged()):
        (envelope,) = held.envelopes(entry, index)
        assert found.pop(f"entries/{entry}") == envelope
    assert found == {}
    assert look(Files(tmp_path / "copy"), root, tmp_path / "state")[0].memory.size == size


def test_a_second_run_fetches_what_is_new(world: World, tmp_path: Path) -> None:
    grow(world, 300)
    root = world.home.root()
    copied(Held(world), root, tmp_path / "copy")
    before = served(tmp_path / "copy")
    source = Failing(Held(world))
    copied(source, root, tmp_path / "copy")
    assert source.asked == ["checkpoint"]
    assert served(tmp_path / "copy") == before

    grow(world, 520)
    source = Failing(Held(world))
    copied(source, root, tmp_path / "copy")

    after = served(tmp_path / "copy")
    assert (
        set(source.asked) & {name.rpartition("/")[2] for name in before if name.startswith("entries/")}
        == set()
    )
    # The tiles that were partial are full now, and readers find them in their place.
    assert set(before) - set(after) == {"tile/0/001.p/44", "tile/entries/001.p/44"}
    assert "tile/1/000.p/1" in after
    shutil.rmtree(tmp_path / "copy" / ".audit")
    assert look(Files(tmp_path / "copy"), root, tmp_path / "state")[0].memory.size == 520


def test_a_mirror_that_is_cut_off_goes_on_and_is_whole_whenever_it_says_so(
    world: World, tmp_path: Path
) -> None:
    grow(world, 280)
    held, root, copy = Held(world), world.home.root(), tmp_path / "copy"
    copied(held, root, copy)
    grow(world, 560)

    for left in (0, 1, 5, 30, 200, 250):
        with pytest.raises(Refused, match=r"it does not answer$"):
            copied(Failing(held, left), root, copy)
        assert look(Files(copy), root, tmp_path / f"state-{left}")[0].memory.size == 280
    source = Failing(held)
    copied(source, root, copy)

    assert len(source.asked) < 60  # entries up to 512 were there
    copied(held, root, tmp_path / "whole")
    # Partial tiles of earlier checkpoints may stay: readers of those find them.
    assert served(copy).items() >= served(tmp_path / "whole").items()


FILES = (
    "checkpoint",
    "tile/0/000",
    "tile/0/001.p/4",
    "tile/1/000.p/1",
    "tile/entries/000",
    "tile/entries/001.p/4",
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Path]:
    """A mirror of several tiles, for tests that copy it."""
    world = World(tmp_path_factory.mktemp("mirrored"))
    grow(world, 260)
    folder = tmp_path_factory.mktemp("copies") / "copy"
    copied(Held(world), world.home.root(), folder)
    return world, folder


def _flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 4
    path.write_bytes(raw)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def _swap(path: Path) -> None:
    """Exchange a file with a neighbour; a file alone is emptied."""
    others = sorted(one for one in path.parent.iterdir() if one.is_file() and one != path)
    if others:
        mine, theirs = path.read_bytes(), others[0].read_bytes()
        path.write_bytes(theirs)
        others[0].write_bytes(mine)
    else:
        path.write_bytes(b"")


@pytest.mark.parametrize("harm", [_flip, _cut, _lengthen, Path.unlink, _swap])
@pytest.mark.parametrize("name", [*FILES, "entries/first", "entries/last", "entries/between"])
def test_t17_a_corrupt_mirror_is_refused(
    copy: tuple[World, Path], tmp_path: Path, name: str, harm: Callable[[Path], None]
) -> None:
    world, folder = copy
    shutil.copytree(folder, tmp_path / "copy")
    entries = world.logged()
    which = {"entries/first": entries[0], "entries/last": entries[-1], "entries/between": entries[257]}
    harm(tmp_path / "copy" / (f"entries/{which[name]}" if name in which else name))

    with pytest.raises(Refused):
        look(Files(tmp_path / "copy"), world.home.root(), tmp_path / "state")


def test_t17_what_was_changed_in_a_mirror_is_not_built_upon(world: World, tmp_path: Path) -> None:
    grow(world, 260)
    folder = tmp_path / "copy"
    copied(Held(world), world.home.root(), folder)
    before = (folder / "checkpoint").read_bytes()
    _flip(folder / "tile/0/000")
    grow(world, 270)

    with pytest.raises(Untrusted, match=r"do not lead to the root .* a file there was changed"):
        copied(Held(world), world.home.root(), folder)

    assert (folder / "checkpoint").read_bytes() == before


def test_t14_a_mirror_does_not_follow_a_fork(world: World, tmp_path: Path) -> None:
    grow(world, 20)
    other = twin(world, tmp_path / "other")
    world.model()
    grow(other, 40)
    folder, root = tmp_path / "copy", world.home.root()
    copied(Held(world), root, folder)
    before = served(folder)

    with pytest.raises(Untrusted, match="is forked"):
        copied(Held(other), root, folder)

    assert served(folder) == before
    assert len(list((folder / ".audit").glob("fork-*.json"))) == 1


def test_what_does_not_hold_is_not_written(world: World, tmp_path: Path) -> None:
    source = Signed.of(world)
    said = license_predicate.statement(world.artifact(), "mit", 1)
    source.append(said, [world.home.keys("security")], time=1_800_000_000)

    with pytest.raises(Untrusted, match="holds security, not publisher"):
        copied(source, world.home.root(), tmp_path / "copy")

    assert set(served(tmp_path / "copy")) == {f"entries/{world.logged()[0]}"}


def test_t25_a_statement_logged_again_under_other_keys_keeps_both_envelopes(
    world: World, tmp_path: Path
) -> None:
    root, second = world.home.root(), PrivateKey.generate("ecdsa-p256")
    ours = next(one for one in root.keys if "publisher" in one.roles)
    theirs = ours.model_copy(update={"public": second.public, "operator": "second", "roles": ("publisher",)})
    following = root.model_copy(update={"version": 2, "keys": (*root.keys, theirs)})
    world.publish("root", root_predicate.statement(following))
    said = license_predicate.statement(world.artifact(), "mit", 1)
    source = Signed.of(world)
    source.append(said, [world.home.keys("publisher")], time=1_800_000_000)
    source.append(said, [second], time=1_800_000_000)
    entry, index = dsse.sign(said.encode(), [second]).entry, len(source.leaves) - 1

    copied(source, root, tmp_path / "copy")

    found = served(tmp_path / "copy")
    assert found[f"entries/{entry}"] == source.sent[-2]
    assert found[f"entries/{entry}.{index}"] == source.sent[-1]
    assert found["trusted-root"] == following.encode()
    audit, entries = look(Files(tmp_path / "copy"), root, tmp_path / "state")
    assert (audit.memory.size, entries[-1].leaf.keys) == (index + 1, (second.public.id,))


def test_a_folder_of_something_else_is_no_mirror(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(Refused, match=r"holds thesis\.tex and is no mirror: name an empty folder"):
        Mirror(tmp_path)
    assert {one.name for one in tmp_path.iterdir()} == {"thesis.tex"}
