"""Checkpoints and proofs, checked with nothing but the pinned log key."""

import pytest
from fastapi.testclient import TestClient
from world import World

from lineage.authority import TrustedRoot
from registry.store import log
from signing import canonical, merkle
from signing.checkpoint import Checkpoint, open_note


def hashes(answer) -> list[bytes]:
    return [canonical.from_base64(one) for one in answer.json()["proof"]]


def opened(world: World, api: TestClient) -> Checkpoint:
    root = world.home.root()
    response = api.get("/checkpoint")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    return Checkpoint.parse(open_note(response.content, root.origin, root.public("log")[0]))


def leaves(world: World) -> list[bytes]:
    with world.home.store.reading() as connection:
        return [merkle.leaf_hash(one.leaf) for one in log.scan(connection)]


def test_every_entry_is_included_in_the_signed_checkpoint(world: World, api: TestClient) -> None:
    world.model()
    world.model()
    signed = opened(world, api)

    for index, leaf in enumerate(leaves(world)):
        proof = hashes(api.get("/log/inclusion", params={"index": index, "size": signed.size}))
        assert merkle.inclusion_root(leaf, index, signed.size, proof) == signed.root


def test_a_later_checkpoint_continues_the_earlier_one(world: World, api: TestClient) -> None:
    old = opened(world, api)
    world.model()
    new = opened(world, api)

    proof = hashes(api.get("/log/consistency", params={"old": old.size, "new": new.size}))

    merkle.check_consistency(old.size, new.size, old.root, new.root, proof)
    assert old.size < new.size


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/log/inclusion?index=0&size=9999", 404, "there is no proof for 9999"),
        ("/log/inclusion?index=1&size=1", 422, "a tree of 1 leaves has no leaf 1"),
        ("/log/inclusion?index=-1&size=1", 422, "query index: "),
        ("/log/inclusion?index=0", 422, "query size is missing"),
        ("/log/consistency?old=1&new=9999", 404, "there is no proof for 9999"),
        ("/log/consistency?old=2&new=1", 422, "there is no consistency proof from 2 leaves to 1"),
        ("/log/consistency?old=0&new=1", 422, "there is no consistency proof from 0 leaves to 1"),
        (f"/log/consistency?old={2**70}&new={2**70}", 422, "query old: "),
    ],
)
def test_there_is_no_proof_of_what_is_not_signed(api: TestClient, path: str, status: int, says: str) -> None:
    response = api.get(path)

    assert response.status_code == status
    assert says in response.json()["detail"]


def test_the_trusted_root_is_the_one_in_force(world: World, api: TestClient) -> None:
    response = api.get("/trusted-root")

    assert TrustedRoot.parse(response.content) == world.home.root()
    assert response.content + b"\n" == (world.home.path / "trusted_root.json").read_bytes()
