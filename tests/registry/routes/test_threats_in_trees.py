"""T24 over HTTP: what is served as tiles, proofs and entries lets no inner node of the tree pass for an entry."""

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from growing import SIZE, signed
from refusals import problem, refused
from world import SIGNERS, World

from registry.store import tree
from signing import canonical, merkle, tiles
from signing.bundle import Bundle, verify
from signing.errors import Malformed, Refused, Untrusted
from signing.log import Leaf
from signing.tiles import Tile


def path_of(api: TestClient, index: int, size: int) -> list[bytes]:
    answer = api.get("/log/inclusion", params={"index": index, "size": size})
    return [canonical.from_base64(one) for one in answer.json()["proof"]]


def hashes(api: TestClient, tile: Tile) -> list[bytes]:
    return tiles.hashes(api.get(f"/{tile.path}").content, tile)


def test_t24_over_http_an_inner_node_is_no_entry(grown: World, long: TestClient) -> None:
    """Two served leaves, taken as the bytes of one, would be an entry if leaves and nodes were hashed alike."""
    first, second, *_ = hashes(long, Tile(0, 0, 256))
    inner, path = merkle.node_hash(first, second), path_of(long, 0, SIZE)
    seen = signed(grown, long)
    assert path[0] == second
    assert merkle.inclusion_root(first, 0, SIZE, path) == seen.root

    for size, index, rest in ((SIZE, 0, path[1:]), (SIZE, 0, path), ((SIZE + 1) // 2, 0, path[1:])):
        try:
            led = merkle.inclusion_root(merkle.leaf_hash(first + second), index, size, rest)
        except Untrusted:
            continue
        assert led != seen.root
    problem(long.get(f"/entries/{inner.hex()}"), "absent", f"no entry {inner.hex()} is in this log")
    problem(long.get(f"/entries/{inner.hex()}/bundle"), "absent", inner.hex())


def test_t24_over_http_a_bundle_of_an_inner_node_proves_nothing(grown: World, long: TestClient) -> None:
    """The proof of a node above an entry leads to the signed root as well, and no bundle can be made of it."""
    root = grown.home.root()
    trust = root.public(*SIGNERS), root.origin, root.log().public
    entry = grown.logged()[300]
    true = Bundle.parse(long.get(f"/entries/{entry}/bundle").content.rstrip(b"\n"))
    assert verify(true, *trust).index == 300
    this, beside = hashes(long, Tile(0, 1, 256))[300 - 256 :][:2]
    assert (merkle.leaf_hash(true.leaf.encode()), true.proof[0]) == (this, beside)

    with pytest.raises(Malformed):
        Leaf.parse(this + beside)
    for index in (300, 150):
        with pytest.raises(Refused):
            verify(replace(true, index=index, proof=true.proof[1:]), *trust)


def test_t24_over_http_no_tile_passes_for_leaves_of_another_tree(grown: World, long: TestClient) -> None:
    """The hashes of a tile, taken as the leaves of a smaller tree, lead to another root than any that was signed."""
    nodes = hashes(long, Tile(1, 0, 2))
    forged = [b"".join(nodes), *nodes]
    roots = {merkle.leaf_hash(one) for one in forged} | {
        merkle.node_hash(*(merkle.leaf_hash(one) for one in nodes))
    }
    with grown.home.store.reading() as connection:
        assert roots.isdisjoint({tree.root(connection, size) for size in range(1, SIZE + 1)})
    for one in nodes:
        problem(long.get(f"/entries/{one.hex()}"), "absent", one.hex())


def test_t24_over_http_a_bundle_of_leaves_leads_to_the_root_and_its_nodes_do_not(
    grown: World, long: TestClient
) -> None:
    seen, bundle = signed(grown, long), Tile("entries", 0, 256)
    leaves = tiles.entries(long.get(f"/{bundle.path}").content, bundle)
    outside = [
        tiles.node(one, tile, hashes(long, tile))
        for one in tiles.outside(bundle, SIZE)
        for tile in [tiles.holding(one, SIZE)]
    ]
    level = [merkle.leaf_hash(leaf) for leaf in leaves]
    assert hashes(long, Tile(0, 0, 256)) == level
    assert tiles.root(bundle, level, SIZE, outside) == seen.root

    nodes = [merkle.node_hash(*pair) for pair in zip(level[::2], level[1::2], strict=True)]
    with pytest.raises(Refused):
        tiles.root(bundle, nodes, SIZE, outside)
    joined = [a + b for a, b in zip(level[::2], level[1::2], strict=True)]
    assert [merkle.leaf_hash(one) for one in joined] != nodes


@pytest.mark.parametrize("cut", [-1, 1, 31, 33])
def test_t24_over_http_a_tile_is_hashes_of_32_bytes(long: TestClient, cut: int) -> None:
    tile = Tile(0, 2, 3)
    raw = long.get(f"/{tile.path}").content
    assert len(tiles.hashes(raw, tile)) == 3
    with pytest.raises(Malformed):
        tiles.hashes(raw[:cut] if cut < 0 else raw + bytes(cut), tile)


def test_t24_over_http_what_is_posted_is_a_leaf_and_never_a_node(world: World, api: TestClient) -> None:
    """Whoever signs the 64 bytes of two nodes has signed no statement, and gets no leaf."""
    world.artifact()
    first, second = hashes(api, Tile(0, 0, world.size()))
    refused(world, api, first + second, says="not UTF-8", status=400)
