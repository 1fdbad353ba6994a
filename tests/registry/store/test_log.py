"""The stored log: proofs of every entry at every size, and what a reader is told when something is not there."""

import pytest
from world import SIGNERS, World

from registry.store import Absent, log, tree
from registry.store.tail import Tail
from signing import merkle
from signing.bundle import Bundle, verify
from signing.errors import Refused, Untrusted
from signing.log import Leaf


@pytest.fixture
def long(world: World) -> World:
    from lineage.predicates import signature

    for group in (1, 2, 5, 8):
        said = [signature.statement("x", {"f": f"{group:032x}{one:032x}"}) for one in range(group)]
        world.publish("publisher", *said)
    return world


def test_every_entry_is_proven_in_every_tree_that_holds_it(long: World) -> None:
    with long.home.store.reading() as connection:
        size = log.size(connection)
        leaves = [merkle.leaf_hash(one.leaf) for one in log.scan(connection)]
        for of in range(1, size + 1):
            root = tree.root(connection, of)
            for index in range(of):
                proof = tree.inclusion(connection, index, of)
                assert merkle.inclusion_root(leaves[index], index, of, proof) == root
            for old in range(1, of + 1):
                merkle.check_consistency(
                    old, of, tree.root(connection, old), root, tree.consistency(connection, old, of)
                )


def test_a_receipt_names_the_first_checkpoint_that_covers_its_entry(long: World) -> None:
    with long.home.store.reading() as connection:
        sizes = [log.receipt(connection, index).size for index in range(log.size(connection))]
    assert sizes == [1, 2, 4, 4, *[9] * 5, *[17] * 8]


def test_what_is_not_there_is_absent_with_the_size(world: World) -> None:
    with world.home.store.reading() as connection:
        for ask in (log.read, log.receipt, log.bundle):
            with pytest.raises(Absent, match="no entry 7; it has 1"):
                ask(connection, 7)
        assert log.indexes(connection, "ab" * 32) == ()


@pytest.mark.sqlite
def test_an_empty_log_has_nothing_to_show(world: World) -> None:
    from sqlalchemy import text

    from registry.store.sqlite import TRIGGERS

    with world.home.store.writing() as connection:
        for name in TRIGGERS:
            connection.execute(text(f"DROP TRIGGER {name}"))
        for table in ("payload", "entry", "checkpoint", "hash", "root"):
            connection.execute(text(f"DELETE FROM {table}"))
    with world.home.store.reading() as connection:
        assert log.size(connection) == 0
        assert tree.root(connection, 0) == merkle.EMPTY
        with pytest.raises(Absent, match="the log is empty"):
            log.newest(connection)
    with pytest.raises(Absent, match="empty log"):
        world.home.root()
    assert "no trusted root into force" in " ".join(world.fsck().findings)


def test_a_bundle_proves_its_entry_to_who_has_only_the_pinned_root(long: World) -> None:
    root = long.home.root()
    (key,) = root.public("log")
    with long.home.store.reading() as connection:
        bundle = log.bundle(connection, 5)
        other = log.bundle(connection, 6)
    proven = verify(Bundle.parse(bundle.encode()), root.public(*SIGNERS), root.origin, key)
    assert proven.index == 5
    forged = Bundle(other.envelope, bundle.leaf, bundle.index, bundle.proof, bundle.checkpoint)
    with pytest.raises(Untrusted):
        verify(forged, root.public(*SIGNERS), root.origin, key)


def test_an_entry_whose_payload_was_removed_keeps_its_proof(long: World) -> None:
    from sqlalchemy import text

    with long.home.store.writing() as connection:
        connection.execute(text('DELETE FROM payload WHERE "index" = 3'))
    with long.home.store.reading() as connection:
        assert log.read(connection, 3).envelope is None
        assert log.receipt(connection, 3).index == 3
        with pytest.raises(Absent, match="payload of entry 3 was removed"):
            log.bundle(connection, 3)


def test_a_hole_in_the_tree_is_named(long: World) -> None:
    from sqlalchemy import text

    with long.home.store.writing() as connection:
        connection.execute(text("DELETE FROM hash WHERE level = 2"))
    with long.home.store.reading() as connection, pytest.raises(Refused, match=r"level 2, index 0.*fsck"):
        tree.root(connection, 4)


def test_what_waits_can_be_taken_back(world: World) -> None:
    def leaf(number: int) -> Leaf:
        return Leaf(f"{number:064x}", ("cd" * 32,), world.time + number)

    with world.home.store.writing() as connection:
        tail = Tail(connection)
        first = tail.append(leaf(1), b"1")
        end = tail.end()
        for number in range(2, 9):
            tail.append(leaf(number), b"x")
        tail.rewind(end)
        assert (tail.size, tail.time) == (2, world.time + 1)
        assert tail.find(f"{5:064x}", ("cd" * 32,)) is None
        assert tail.find(f"{1:064x}", ("cd" * 32,)) == first
        for number in range(20, 27):
            tail.append(leaf(number), None)
        tail.flush()
        tail.flush()
        assert tail.append(leaf(30), b"y") == log.size(connection) == 9
        tail.flush()
        hashes = [merkle.leaf_hash(one.leaf) for one in log.scan(connection)]
        assert tree.root(connection, 10) == _root(hashes)
        assert tail.find(f"{22:064x}", ("cd" * 32,)) == 4


def _root(hashes: list[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return merkle.node_hash(_root(hashes[:split]), _root(hashes[split:]))
