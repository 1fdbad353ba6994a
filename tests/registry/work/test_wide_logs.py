"""Past 65,536 entries tiles lie three levels high: a mirror writes them, and an auditor compares each with what it is above."""

from pathlib import Path

import pytest
from auditing import Signed
from world import World

from registry.work.audit import Audit, Filled
from registry.work.memory import Notebook
from registry.work.mirror import Mirror
from signing import merkle, tiles
from signing.errors import Untrusted
from signing.tiles import Tile

SIZE = 65_537


class Wide(Signed):
    """A log of leaves that nobody signed, whose tree is computed once."""

    known: dict[merkle.Node, bytes] | None = None

    def nodes(self) -> dict[merkle.Node, bytes]:
        if self.known is None:
            self.known = super().nodes()
        return self.known

    def filled(self, index: int) -> Filled:
        bundle = tiles.at("entries", index, SIZE)
        hashes = [self.nodes()[0, bundle.first + offset] for offset in range(bundle.width)]
        return Filled(bundle, self.tile(bundle), hashes)


@pytest.fixture
def wide(world: World) -> Wide:
    leaves = [b"leaf %d" % index for index in range(SIZE)]
    return Wide(world.home.root().origin, world.home.keys("log"), leaves=leaves)


def test_a_mirror_writes_the_tiles_of_every_level(wide: Wide, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "copy")
    for index in range(257):
        mirror._fill(wide.filled(index))

    for path in ("tile/0/255", "tile/0/256.p/1", "tile/1/000", "tile/entries/256.p/1"):
        assert (tmp_path / "copy" / path).read_bytes() == wide.tile(tiles.named(path))
    mirror._raise(2, Tile(2, 0, 1))
    assert (tmp_path / "copy" / "tile/2/000.p/1").read_bytes() == wide.nodes()[16, 0]


def test_t17_every_tile_is_compared_with_what_it_is_above(wide: Wide, world: World, tmp_path: Path) -> None:
    for number, bent in enumerate((None, "tile/2/000.p/1", "tile/1/000")):
        if bent is not None:
            good = wide.tile(tiles.named(bent))
            wide.shown[bent] = good[:-1] + bytes([good[-1] ^ 1])
        notebook = Notebook(tmp_path / str(number))
        with notebook.held():
            audit = Audit(wide, world.home.root(), notebook)
            # The last bundle of the first tile of level 1: with it, that tile is full, and one hash of level 2.
            last = wide.filled(255)
            if bent is None:
                audit._check(last.bundle, last.hashes)
                continue
            with pytest.raises(Untrusted, match=rf"{bent} and tile/./... disagree"):
                audit._check(last.bundle, last.hashes)
        del wide.shown[bent]
