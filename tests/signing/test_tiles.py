"""Tiles say what the tree says: every node, every proof and every root, at every size."""

from collections import Counter

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from signing import merkle, tiles
from signing.errors import Malformed, Refused
from signing.tiles import MAX_ENTRY, WIDTH, Tile

LARGEST = 70_000
EDGES = (1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 65_792, LARGEST)
SIZES = st.sampled_from(EDGES) | st.integers(1, LARGEST)
LAW = settings(deadline=None, max_examples=60)


def leaf(index: int) -> bytes:
    return b"leaf %d" % index


def grown(size: int) -> dict[tuple[int, int], bytes]:
    nodes = {}
    for index in range(size):
        nodes[0, index] = merkle.leaf_hash(leaf(index))
        for level, i in merkle.completed(index):
            nodes[level, i] = merkle.node_hash(nodes[level - 1, 2 * i], nodes[level - 1, 2 * i + 1])
    return nodes


NODES = grown(LARGEST)


def raw(tile: Tile) -> bytes:
    """Return a tile by its definition: the hashes of consecutive subtrees of 256^level leaves."""
    if tile.level == "entries":
        return tiles.encode_entries(leaf(tile.first + offset) for offset in range(tile.width))
    return b"".join(NODES[8 * tile.level, tile.first + offset] for offset in range(tile.width))


def read(wanted, size: int, bytes_of=raw) -> list[bytes]:
    """Return the hashes of nodes as a client finds them that holds tiles and nothing else."""
    holding = [tiles.holding(one, size) for one in wanted]
    found = {tile: tiles.hashes(bytes_of(tile), tile) for tile in holding}
    return [tiles.node(one, tile, found[tile]) for one, tile in zip(wanted, holding, strict=True)]


def root(size: int) -> bytes:
    return merkle.root(size, [NODES[one] for one in merkle.root_nodes(size)])


def leaf_hashes(tile: Tile) -> list[bytes]:
    return [NODES[0, tile.first + offset] for offset in range(tile.width)]


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        # The example of C2SP tlog-tiles, "Merkle Tree", and of the layout package of transparency.dev.
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile("entries", 1_234_067, 8), "tile/entries/x001/x234/067.p/8"),
        (Tile(0, 0), "tile/0/000"),
        (Tile(2, 0, 1), "tile/2/000.p/1"),
        (Tile(1, 999, 255), "tile/1/999.p/255"),
        (Tile(0, 1000), "tile/0/x001/000"),
        (Tile("entries", 10**12), "tile/entries/x001/x000/x000/x000/000"),
    ],
)
def test_a_tile_has_the_path_that_the_specification_gives_it(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert tiles.named(path) == tile


def test_the_tiles_of_the_trees_that_the_specification_describes() -> None:
    counted = Counter((tile.level, tile.width) for tile in tiles.tree(70_000) if tile.level != "entries")
    assert counted == {(0, 256): 273, (0, 112): 1, (1, 256): 1, (1, 17): 1, (2, 1): 1}
    assert [tile.path for tile in tiles.tree(256)] == ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]
    assert list(tiles.tree(0)) == []


@given(st.integers(1, 10**12), st.integers(0, 6))
def test_a_partial_tile_is_as_wide_as_the_specification_says(size: int, level: int) -> None:
    """C2SP tlog-tiles, "Partial Tiles": floor(s / 256**l) mod 256 entries, and no empty tile."""
    full, width = divmod(size // 256**level, 256)
    if full:
        assert tiles.at(level, full - 1, size) == Tile(level, full - 1)
    if width:
        assert tiles.at(level, full, size) == Tile(level, full, width)
    else:
        with pytest.raises(Malformed):
            tiles.at(level, full, size)


LEVELS = st.just("entries") | st.integers(0, 6)


@given(LEVELS, st.integers(0, 10**15), st.integers(1, WIDTH))
def test_a_path_is_read_as_the_tile_that_wrote_it(level: tiles.Level, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert tiles.named(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/001/234",
        "tile/0/x001/x234",
        "tile/0/X001/234",
        "tile/00/000",
        "tile/7/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/0x0/000",
        "tile/entry/000",
        "tile/Entries/000",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/00",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/1/",
        "tile/0/000/",
        "tile/0//000",
        "/tile/0/000",
        "tile/0/000\n",
        "tile/0/\u0660\u0660\u0660",
        "tile/0/000.P/1",
        "tile/0/../0/000",
        "tile/0/" + "x001/" * 6 + "000",
    ],
)
def test_another_spelling_of_a_path_names_no_tile(path: str) -> None:
    assert tiles.named(path) is None


@LAW
@given(SIZES, st.data())
@example(256, None)
def test_a_client_with_tiles_alone_makes_the_proofs_that_the_store_makes(size: int, data) -> None:
    places = [0, size - 1] if data is None else [data.draw(st.integers(0, size - 1))]
    assert merkle.root(size, read(merkle.root_nodes(size), size)) == root(size)
    for index in places:
        wanted, old = merkle.inclusion_nodes(index, size), index + 1
        assert read(wanted, size) == [NODES[one] for one in wanted]
        proof = merkle.inclusion_proof(index, size, read(wanted, size))
        assert merkle.inclusion_root(NODES[0, index], index, size, proof) == root(size)
        changes = merkle.consistency_proof(old, size, read(merkle.consistency_nodes(old, size), size))
        merkle.check_consistency(old, size, root(old), root(size), changes)


@LAW
@given(SIZES)
def test_the_tiles_of_a_tree_are_its_nodes_once_each(size: int) -> None:
    found = list(tiles.tree(size))
    counts = Counter(tile.level for tile in found for _ in range(tile.width))
    assert counts == {"entries": size} | {level: size >> 8 * level for level in range(3) if size >> 8 * level}
    assert len({(tile.level, tile.index) for tile in found}) == len(found)
    for tile in found:
        assert tile == tiles.at(tile.level, tile.index, size)
        assert tile.within(size)
        assert not Tile(tile.level, tile.index, tile.width + 1).within(size) or tile.width == WIDTH


@LAW
@given(SIZES, st.data())
def test_all_leaves_of_a_bundle_are_proven_at_once(size: int, data) -> None:
    bundle = tiles.at("entries", data.draw(st.integers(0, (size - 1) // WIDTH)), size)
    leaves, around = leaf_hashes(bundle), read(tiles.outside(bundle, size), size)
    assert tiles.root(bundle, leaves, size, around) == root(size)

    place = data.draw(st.integers(0, bundle.width - 1))
    changed = [*leaves[:place], merkle.leaf_hash(b"changed"), *leaves[place + 1 :]]
    assert tiles.root(bundle, changed, size, around) != root(size)
    if around:
        place = data.draw(st.integers(0, len(around) - 1))
        changed = [*around[:place], merkle.leaf_hash(b"changed"), *around[place + 1 :]]
        assert tiles.root(bundle, leaves, size, changed) != root(size)
    for few, some in ((leaves[1:], around), (leaves, [*around, merkle.EMPTY]), (leaves, around[1:])):
        if (few, some) != (leaves, around):
            with pytest.raises(Malformed, match="leads to a root with"):
                tiles.root(bundle, few, size, some)


@LAW
@given(SIZES, st.data())
def test_any_bit_that_flips_in_a_tile_on_the_path_is_noticed(size: int, data) -> None:
    assume(size > 1)
    index = data.draw(st.integers(0, size - 1))
    wanted = merkle.inclusion_nodes(index, size)
    bent = data.draw(st.sampled_from([tiles.holding(one, size) for one in wanted]))
    used = {
        offset
        for level, i in wanted
        if tiles.holding((level, i), size) == bent
        for offset in range((i << level % 8) - bent.first, ((i + 1) << level % 8) - bent.first)
    }
    bit = 256 * data.draw(st.sampled_from(sorted(used))) + data.draw(st.integers(0, 255))

    def flipped(tile: Tile) -> bytes:
        if tile != bent:
            return raw(tile)
        number = int.from_bytes(raw(tile), "little") ^ 1 << bit
        return number.to_bytes(32 * tile.width, "little")

    proof = merkle.inclusion_proof(index, size, read(wanted, size, flipped))
    assert merkle.inclusion_root(NODES[0, index], index, size, proof) != root(size)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=WIDTH))
def test_a_bundle_is_read_as_the_leaves_that_wrote_it(leaves: list[bytes]) -> None:
    tile = Tile("entries", 3, len(leaves))
    written = tiles.encode_entries(leaves)
    assert tiles.entries(written, tile) == leaves
    for bent in (written[:-1] if leaves[-1] or len(leaves) > 1 else written + b"\0", written + b"\0\0"):
        with pytest.raises(Malformed, match="entries/003"):
            tiles.entries(bent, tile)


@given(st.binary(max_size=600), st.integers(1, 3))
def test_whatever_stands_in_a_bundle_is_read_exactly_or_refused(data: bytes, width: int) -> None:
    try:
        found = tiles.entries(data, Tile("entries", 0, width))
    except Refused:
        return
    assert tiles.encode_entries(found) == data
    assert len(found) == width


def test_the_longest_leaf_fits_and_a_longer_one_does_not() -> None:
    longest = b"x" * MAX_ENTRY
    written = tiles.encode_entries([longest])
    assert written[:2] == b"\xff\xff"
    assert tiles.entries(written, Tile("entries", 0, 1)) == [longest]
    assert len(tiles.encode_entries([longest] * WIDTH)) == tiles.MAX_BYTES
    with pytest.raises(Malformed, match="a leaf of 65536 bytes"):
        tiles.encode_entries([longest + b"x"])


@pytest.mark.parametrize("size", [0, 31, 32 * 4, 32 * 6, 32 * 5 + 1])
def test_t24_a_tile_has_exactly_its_hashes(size: int) -> None:
    with pytest.raises(Malformed, match=f"has 160 bytes, not {size}"):
        tiles.hashes(b"x" * size, Tile(0, 0, 5))


@LAW
@given(st.integers(0, 272), st.integers(1, 255), st.sampled_from(["entries", 0]))
def test_a_partial_tile_is_the_beginning_of_the_full_one(index: int, width: int, level: tiles.Level) -> None:
    partial = Tile(level, index, width)
    assert tiles.cut(raw(partial.full), partial) == raw(partial)
    with pytest.raises(Malformed):
        tiles.cut(raw(partial), partial)


def test_a_full_tile_is_one_hash_of_the_level_above() -> None:
    for index in (0, 1, 272):
        below, above = Tile(0, index), tiles.holding((8, index), LARGEST)
        assert tiles.node((8, index), below, leaf_hashes(below)) == NODES[8, index]
        assert tiles.node((8, index), above, tiles.hashes(raw(above), above)) == NODES[8, index]


def test_what_a_tree_or_a_tile_does_not_have_is_refused() -> None:
    found = tiles.hashes(raw(Tile(0, 1)), Tile(0, 1))
    for call in (
        lambda: tiles.at(0, 1, 256),
        lambda: tiles.at("entries", 0, 0),
        lambda: tiles.at(1, 0, 255),
        lambda: tiles.at(0, -1, 256),
        lambda: tiles.holding((0, 5), 5),
        lambda: tiles.holding((3, 0), 7),
        lambda: tiles.holding((0, -1), 7),
        lambda: tiles.node((0, 255), Tile(0, 1), found),
        lambda: tiles.node((0, 512), Tile(0, 1), found),
        lambda: tiles.node((9, 0), Tile(0, 1), found),
        lambda: tiles.node((0, 1), Tile(1, 0, 1), found[:1]),
        lambda: tiles.node((1, 2), Tile(0, 0, 5), found[:5]),
        lambda: tiles.outside(Tile("entries", 0, 5), 6),
        lambda: tiles.outside(Tile(1, 0, 1), 256),
        lambda: tiles.root(Tile("entries", 1, 2), found[:2], 257, []),
    ):
        with pytest.raises(Malformed):
            call()


@given(st.integers(0, 600), st.integers(0, 600))
def test_bundles_hold_the_entries_from_where_one_stopped(start: int, size: int) -> None:
    held = [tile.first + offset for tile in tiles.bundles(start, size) for offset in range(tile.width)]
    assert [index for index in held if index >= start] == list(range(start, size))
    assert len(held) < max(size - start, 0) + WIDTH
