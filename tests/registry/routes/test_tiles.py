"""A stranger's client, with tiles and the pinned log key alone, makes every proof; what no checkpoint covers is not served."""

import pytest
from fastapi.testclient import TestClient
from growing import SIZE, grow, signed
from sqlalchemy import text
from world import World

from lineage.predicates import signature
from registry.signer import Step
from registry.store import log
from signing import canonical, merkle, tiles
from signing.log import Leaf


def read(api: TestClient, wanted: list[merkle.Node], size: int) -> list[bytes]:
    holding = [tiles.holding(one, size) for one in wanted]
    raw = {tile: tiles.hashes(api.get(f"/{tile.path}").content, tile) for tile in dict.fromkeys(holding)}
    return [tiles.node(one, tile, raw[tile]) for one, tile in zip(wanted, holding, strict=True)]


def test_a_client_proves_every_bundle_from_tiles_alone(grown: World, long: TestClient) -> None:
    seen = signed(grown, long)
    assert seen.size == SIZE
    with grown.home.store.reading() as connection:
        logged = [one.leaf for one in log.scan(connection)]

    found = []
    for bundle in tiles.bundles(0, seen.size):
        leaves = tiles.entries(long.get(f"/{bundle.path}").content, bundle)
        around = read(long, tiles.outside(bundle, seen.size), seen.size)
        assert tiles.root(bundle, [merkle.leaf_hash(leaf) for leaf in leaves], seen.size, around) == seen.root
        found += leaves

    assert found == logged
    assert [Leaf.parse(leaf).encode() for leaf in found] == found
    grown.check()


@pytest.mark.parametrize(("old", "new"), [(1, 2), (3, SIZE), (256, SIZE), (300, 512), (SIZE, SIZE)])
def test_proofs_from_tiles_are_those_of_the_registry(long: TestClient, old: int, new: int) -> None:
    asked = long.get("/log/consistency", params={"old": old, "new": new}).json()["proof"]
    found = merkle.consistency_proof(old, new, read(long, merkle.consistency_nodes(old, new), new))
    assert [canonical.to_base64(one) for one in found] == asked

    asked = long.get("/log/inclusion", params={"index": old - 1, "size": new}).json()["proof"]
    found = merkle.inclusion_proof(old - 1, new, read(long, merkle.inclusion_nodes(old - 1, new), new))
    assert [canonical.to_base64(one) for one in found] == asked


def test_every_tile_of_the_tree_is_served_for_ever_and_the_checkpoint_is_not(long: TestClient) -> None:
    paths = [tile.path for tile in tiles.tree(SIZE)]
    assert paths[:3] == ["tile/entries/000", "tile/entries/001", "tile/entries/002.p/88"]
    assert paths[3:] == ["tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"]
    for path in (*paths, "tile/0/000.p/7", "tile/entries/001.p/255", "tile/1/000.p/1"):
        answer = long.get(f"/{path}")
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["x-content-type-options"] == "nosniff"
    note = long.get("/checkpoint")
    assert note.headers["cache-control"] == "no-cache"
    assert note.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/002",
        "tile/0/002.p/89",
        "tile/0/003.p/1",
        "tile/entries/002",
        "tile/entries/002.p/89",
        "tile/1/000",
        "tile/1/000.p/3",
        "tile/2/000.p/1",
        "tile/6/000",
        "tile/entries/x999/x999/x999/x999/x999/999",
    ],
)
def test_what_the_tree_does_not_have_is_absent(long: TestClient, path: str) -> None:
    answer = long.get(f"/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert (
        answer.json()["detail"]
        == f"the newest checkpoint covers {SIZE} entries, and {path} is no tile of theirs"
    )
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/0/x000/000",
        "tile/00/000",
        "tile/0/000/",
        "tile/0//000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/7/000",
        "tile/-1/000",
        "tile/entries/0",
        "tile/0/%2e%2e/%2e%2e/trusted-root",
        "tile/0/000%00",
        "tile/0/000%0a",
        "tile/0/%D9%A0%D9%A0%D9%A0",
        "tile/",
        "tile/data/000",
    ],
)
def test_another_spelling_of_a_tile_is_absent(api: TestClient, path: str) -> None:
    answer = api.get(f"/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["type"] == "https://studbook.dev/problems/absent"
    assert "is the path of no tile" in answer.json()["detail"]


def test_what_waits_for_its_checkpoint_is_in_no_tile(world: World, api: TestClient) -> None:
    covered = world.size()
    world.crash(Step.COMMITTED, "publisher", signature.statement("x", {"a.bin": "ab" * 32}))
    assert world.size() == covered + 1

    for level in ("0", "entries"):
        assert api.get(f"/tile/{level}/000.p/{covered}").status_code == 200
        assert api.get(f"/tile/{level}/000.p/{covered + 1}").status_code == 404
    world.check()


def test_a_tile_with_a_hole_is_refused_and_not_closed_up(world: World, api: TestClient) -> None:
    grow(world, 256)
    with world.home.store.writing() as connection:
        connection.execute(text('DELETE FROM hash WHERE level = 0 AND "index" = 5'))

    answer = api.get("/tile/0/000")

    assert answer.status_code == 409
    assert answer.json()["detail"] == "tile/0/000 lacks 1 of 256: run `studbook log fsck`"
