"""T14: a log that was rewritten or forked is refused, and convicted by what it signed itself."""

from pathlib import Path

import pytest
from auditing import Held, Signed, look, twin
from growing import grow
from world import World

from registry.work.memory import Notebook
from signing import fork, merkle, tiles
from signing.checkpoint import Checkpoint, sign
from signing.errors import Untrusted
from signing.fork import Fork
from signing.keys import PrivateKey


def test_t14_a_fork_at_one_size_is_refused_and_convicts_the_log(world: World, tmp_path: Path) -> None:
    grow(world, 20)
    other = twin(world, tmp_path / "other")
    world.model(), other.model()
    assert world.size() == other.size()
    root, state = world.home.root(), tmp_path / "state"
    look(Held(world), root, state)

    with pytest.raises(Untrusted, match="is forked: it signed") as refusal:
        look(Held(other), root, state)

    convicted(refusal.value, state, root, world, other)


@pytest.mark.parametrize("more", [1, 9, 300])
def test_t14_a_fork_that_grew_is_refused_and_convicts_the_log(
    world: World, tmp_path: Path, more: int
) -> None:
    grow(world, 20)
    other = twin(world, tmp_path / "other")
    world.model()
    grow(other, world.size() + more)
    root, state = world.home.root(), tmp_path / "state"
    look(Held(world), root, state)

    with pytest.raises(Untrusted, match="is forked: it signed") as refusal:
        look(Held(other), root, state)

    convicted(refusal.value, state, root, world, other)
    # What was accepted stays: the honest history is still followed.
    world.model()
    assert look(Held(world), root, state)[0].seen.size == world.size()
    world.check()
    other.check()


def convicted(refusal: Untrusted, state: Path, root, first: World, second: World) -> None:
    """Insist that the sentence has both sizes and roots, and the evidence convinces a stranger."""
    (path,) = state.glob("fork-*.json")
    seen = [
        Checkpoint.opened(Held(one).checkpoint(), root.origin, root.log().public) for one in (first, second)
    ]
    for said in (path, *(one.size for one in seen), *(one.root.hex() for one in seen)):
        assert str(said) in str(refusal)
    assert fork.check(Fork.parse(path.read_bytes().strip()), root.origin, root.log().public) == tuple(seen)


def test_t14_a_fork_that_hides_its_tiles_is_refused_all_the_same(world: World, tmp_path: Path) -> None:
    grow(world, 20)
    other = twin(world, tmp_path / "other")
    world.model()
    grow(other, 40)
    root, state = world.home.root(), tmp_path / "state"
    look(Held(world), root, state)
    hiding = Signed.of(other)
    hiding.shown["tile/0/000.p/40"] = Signed.of(world).tile(tiles.at(0, 0, world.size())) + b"x" * 32 * (
        40 - world.size()
    )

    with pytest.raises(Untrusted, match="does not show that it only grew") as refusal:
        look(hiding, root, state)

    (path,) = state.glob("fork-*.json")
    evidence = Fork.parse(path.read_bytes().strip())
    assert (evidence.first, evidence.second) == (Held(world).checkpoint(), hiding.checkpoint())
    assert str(path) in str(refusal.value)
    assert "hide a fork" in str(refusal.value)
    assert Notebook(state).read().checkpoint == Held(world).checkpoint()


def test_t14_a_log_that_goes_back_is_refused(world: World, tmp_path: Path) -> None:
    grow(world, 20)
    old = Signed.of(world)
    root, state = world.home.root(), tmp_path / "state"
    world.model()
    look(Held(world), root, state)

    with pytest.raises(Untrusted, match=rf"has gone back: it showed {world.size()} entries .* now shows 20 "):
        look(old, root, state)


def test_t14_a_fork_at_a_size_seen_long_ago_convicts_too(world: World, tmp_path: Path) -> None:
    grow(world, 20)
    other = twin(world, tmp_path / "other")
    root, state = world.home.root(), tmp_path / "state"
    grow(world, 25)
    look(Held(world), root, state)
    honest = Held(world).checkpoint()
    grow(world, 30)
    look(Held(world), root, state)
    other.model()
    grow(other, 25)

    with pytest.raises(Untrusted, match="is forked: it signed 25 entries"):
        look(Held(other), root, state)

    (path,) = state.glob("fork-25-25-*.json")
    evidence = Fork.parse(path.read_bytes().strip())
    assert (evidence.first, evidence.second) == (honest, Held(other).checkpoint())


def test_t14_a_checkpoint_of_another_key_is_no_word_of_this_log(world: World, tmp_path: Path) -> None:
    source = Signed.of(world)
    source.key = PrivateKey.generate("ed25519")
    with pytest.raises(Untrusted, match="its checkpoint: the note is not signed by"):
        look(source, world.home.root(), tmp_path / "state")
    source = Signed.of(world)
    source.shown["checkpoint"] = sign(Checkpoint(source.origin, 0, merkle.EMPTY), source.key)
    with pytest.raises(Untrusted, match="it covers no entry"):
        look(source, world.home.root(), tmp_path / "state")
    assert Notebook(tmp_path / "state").read() is None
