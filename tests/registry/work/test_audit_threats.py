"""T17, T24, T25: bytes that are not the log's are refused by name; how a signature is wrapped is nobody's word."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from auditing import Signed, look, twin
from growing import grow
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World

from registry.work.memory import Notebook
from signing import canonical, dsse, merkle, tiles
from signing.checkpoint import Checkpoint, sign
from signing.errors import Untrusted
from signing.log import Leaf


@pytest.fixture
def forged(world: World) -> Signed:
    """An honest log of a model and its license, that its operator may go on writing as they like."""
    world.license(world.artifact(), "mit")
    return Signed.of(world)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("tile/0/000", "tile/0/000 and tile/entries/000 disagree"),
        ("tile/0/001.p/44", "tile/0/001.p/44 and tile/entries/001.p/44 disagree|do not lead to the root"),
        ("tile/entries/000", "tile/entries/000"),
        ("tile/entries/001.p/44", "tile/entries/001.p/44"),
        ("tile/1/000.p/1", "tile/1/000.p/1 and tile/0/000 disagree|do not lead to the root"),
    ],
)
def test_t17_a_tile_that_is_not_the_logs_is_named(world: World, tmp_path: Path, path: str, says: str) -> None:
    grow(world, 300)
    source, root = Signed.of(world), world.home.root()
    good = source.tile(tiles.named(path))
    for place in (0, 2, len(good) // 2, len(good) - 1):
        source.shown[path] = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
        with pytest.raises(Untrusted, match=says):
            look(source, root, tmp_path / f"state-{place}")
    for length in (good[:-1], good + b"\0", b""):
        source.shown[path] = length
        with pytest.raises(Untrusted, match=path):
            look(source, root, tmp_path / f"length-{len(length)}")
    del source.shown[path]
    assert look(source, root, tmp_path / "state")[0].memory.size == 300


def test_t17_a_tile_of_one_hash_is_compared_with_what_it_is_above(world: World, tmp_path: Path) -> None:
    """No proof in a tree of 256 uses it, and a client of a longer one would trip over it."""
    grow(world, 256)
    source = Signed.of(world)
    source.shown["tile/1/000.p/1"] = b"x" * 32

    with pytest.raises(Untrusted, match=r"tile/1/000\.p/1 and tile/0/000 disagree"):
        look(source, world.home.root(), tmp_path / "state")


def test_t17_tiles_and_entries_that_agree_on_another_log_are_refused(world: World, tmp_path: Path) -> None:
    grow(world, 300)
    other = twin(world, tmp_path / "other")
    world.model(), other.model()
    source, lie = Signed.of(world), Signed.of(other)
    for tile in tiles.tree(world.size()):
        if tile.index == 1 and tile.level in (0, "entries"):
            source.shown[tile.path] = lie.tile(tile)

    with pytest.raises(Untrusted, match="do not lead to the root"):
        look(source, world.home.root(), tmp_path / "state")
    assert Notebook(tmp_path / "state").read().size == 0


def test_t24_an_inner_node_is_no_entry_of_a_smaller_log(world: World, tmp_path: Path) -> None:
    """Two entries for the sixty-four bytes above them: the root is the same only if nodes hashed as leaves do."""
    grow(world, 256)
    source = Signed.of(world)
    nodes = source.nodes()
    pairs = [nodes[0, 2 * i] + nodes[0, 2 * i + 1] for i in range(128)]
    forged = Signed(source.origin, source.key, leaves=pairs)
    root = merkle.root(256, [nodes[one] for one in merkle.root_nodes(256)])
    forged.shown["checkpoint"] = sign(Checkpoint(source.origin, 128, root), source.key)
    forged.shown["tile/0/000.p/128"] = b"".join(nodes[1, i] for i in range(128))

    with pytest.raises(Untrusted, match="disagree"):
        look(forged, world.home.root(), tmp_path / "state")
    del forged.shown["tile/0/000.p/128"]
    with pytest.raises(Untrusted, match="do not lead to the root"):
        look(forged, world.home.root(), tmp_path / "state")


def respelled(raw: bytes) -> Iterator[bytes]:
    said = dict(canonical.decode(raw))
    (one,) = said["signatures"]
    urls = str.maketrans("+/", "-_")
    yield canonical.encode(said | {"signatures": [{"sig": one["sig"].translate(urls)}]})
    yield canonical.encode(said | {"signatures": [one | {"keyid": "somebody else"}], "more": 1})
    yield canonical.encode(said | {"signatures": [one, one]})
    yield b" " + raw + b"\n"


def test_t25_an_envelope_in_other_words_is_the_same_entry(
    world: World, forged: Signed, tmp_path: Path
) -> None:
    honest = forged.sent[-1]
    for number, raw in enumerate(respelled(honest)):
        assert raw != honest
        forged.sent[-1] = raw
        _, found = look(forged, world.home.root(), tmp_path / str(number))
        assert found[-1].leaf.pae == dsse.Envelope.parse(honest).entry


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_t17_a_flipped_bit_in_an_envelope_is_noticed_or_means_nothing(
    world: World, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    forged = Signed.of(world)
    honest = bytearray(forged.sent[-1])
    place = data.draw(st.integers(0, 8 * len(honest) - 1))
    honest[place // 8] ^= 1 << place % 8
    before = dsse.Envelope.parse(forged.sent[-1])
    forged.sent[-1] = bytes(honest)
    try:
        _, found = look(forged, world.home.root(), tmp_path_factory.mktemp("state"))
    except Untrusted:
        return
    after = dsse.Envelope.parse(found[-1].envelope)
    assert (after.payload_type, after.payload) == (before.payload_type, before.payload)
    assert [one.sig for one in after.signatures] == [one.sig for one in before.signatures]
    assert Leaf.parse(forged.leaves[-1]).pae == after.entry
