"""Whoever reads from a registry remembers its log: a fork, a step back and another log are refused before any answer."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from auditing import Held, look, twin
from world import World

from registry.home import Home
from registry.store import log
from registry.work.memory import Notebook
from registry.work.reader import Reader
from signing import fork
from signing.errors import Untrusted
from signing.fork import Fork


@dataclass
class TwoFaced(Held):
    """A registry that serves the honest log's checkpoint and tiles, and answers from the fork."""

    other: World

    def handed(self) -> bytes:
        with self.other.home.store.reading() as connection:
            return log.newest(connection)


def stranger(folder: Path) -> World:
    """Return a world whose log is another one, with a key of its own."""
    folder.mkdir()
    world = World(folder)
    world.home.store.close()
    world.home = Home.create(folder / "another", "kennel", clock=lambda: world.time)
    return world


def convicted(world: World, folder: Path) -> tuple[int, int]:
    """Return the sizes of the two histories that the evidence in a folder proves."""
    (path,) = folder.glob("fork-*.json")
    root = world.home.root()
    both = fork.check(Fork.parse(path.read_bytes().strip()), root.origin, root.log().public)
    return both[0].size, both[1].size


def test_a_log_that_grows_is_read_again_and_what_was_audited_stays_so(world: World, tmp_path: Path) -> None:
    world.model()
    state = Notebook(tmp_path / "state")
    assert Reader(Held(world), state).first
    look(Held(world), world.home.root(), state.folder)
    audited = world.size()
    world.model()

    reader = Reader(Held(world), state)

    assert (reader.first, reader.origin) == (False, world.home.root().origin)
    remembered = state.read()
    assert remembered.size == audited, "what was looked at only is not verified"
    assert remembered.checkpoint == Held(world).checkpoint()
    _, found = look(Held(world), world.home.root(), state.folder)
    assert [one.index for one in found] == list(range(audited, world.size()))


@pytest.mark.parametrize("pinned", [False, True])
def test_t14_a_reader_refuses_a_fork_whether_or_not_a_root_is_pinned(
    world: World, tmp_path: Path, pinned
) -> None:
    world.model()
    other = twin(world, tmp_path / "other")
    world.model()
    other.model()
    other.model()
    root, state = world.home.root() if pinned else None, Notebook(tmp_path / "state")
    Reader(Held(world), state, root)

    with pytest.raises(Untrusted, match=f"is forked: it signed {world.size()} entries with the root"):
        Reader(Held(other), state, root)

    assert convicted(world, state.folder) == (world.size(), other.size())
    with pytest.raises(Untrusted, match="is forked"):
        Reader(Held(other), state, root)
    Reader(Held(world), state, root)


def test_t14_what_an_audit_saw_binds_a_reader(world: World, tmp_path: Path) -> None:
    world.model()
    other = twin(world, tmp_path / "other")
    world.model()
    other.model()
    other.model()
    state = Notebook(tmp_path / "state")
    look(Held(world), world.home.root(), state.folder)
    with pytest.raises(Untrusted, match="is forked"):
        Reader(Held(other), state)


def test_t14_an_answer_from_a_fork_behind_an_honest_checkpoint_is_refused(
    world: World, tmp_path: Path
) -> None:
    world.model()
    other = twin(world, tmp_path / "other")
    for _ in range(3):
        world.model()
    other.model()
    source, state = TwoFaced(world, other), Notebook(tmp_path / "state")
    reader = Reader(source, state)
    with pytest.raises(Untrusted, match="is forked"):
        reader.admit(source.handed())
    assert convicted(world, state.folder) == (other.size(), world.size())

    for _ in range(3):
        other.model()
    with pytest.raises(Untrusted, match=f"does not show that it only grew: .* {other.size()} entries with"):
        reader.admit(source.handed())
    assert state.read().checkpoint == source.checkpoint()


def test_an_answer_about_another_log_or_more_than_it_signed_is_refused(world: World, tmp_path: Path) -> None:
    world.model()
    origin = world.home.root().origin
    reader = Reader(Held(world), Notebook(tmp_path / "state"))
    size = world.size()
    reader.judge(origin, size)
    with pytest.raises(
        Untrusted, match=rf"the log other\.example/log, and the one that is followed is {origin}"
    ):
        reader.judge("other.example/log", size)
    with pytest.raises(
        Untrusted, match=f"as of {size + 1} entries of {origin}, whose checkpoint covers {size}"
    ):
        reader.judge(origin, size + 1)
    world.model()
    reader.judge(origin, world.size())


def test_checkpoints_of_this_log_are_admitted_older_and_newer(world: World, tmp_path: Path) -> None:
    world.model()
    with world.home.store.reading() as connection:
        older = [note for _, note in log.checkpoints(connection)]
    reader = Reader(Held(world), Notebook(tmp_path / "state"))
    for note in older:
        reader.admit(note)
    world.model()
    newest = Held(world).checkpoint()
    reader.admit(newest)
    reader.admit(newest)
    assert Notebook(tmp_path / "state").read().checkpoint == Held(world).checkpoint()


def test_what_another_reader_has_seen_meanwhile_makes_no_older_checkpoint_a_step_back(
    world: World, tmp_path: Path
) -> None:
    """A bundle carries the first checkpoint that covers it, and other commands look at the same log."""
    world.model()
    state = Notebook(tmp_path / "state")
    mine = Reader(Held(world), state)
    world.model()
    handed = Held(world).checkpoint()
    world.model()
    Reader(Held(world), state)
    newest = Held(world).checkpoint()

    mine.admit(handed)

    assert state.read().checkpoint == newest


def test_t14_a_log_that_has_gone_back_is_refused(world: World, tmp_path: Path) -> None:
    world.model()
    before = twin(world, tmp_path / "before")
    world.model()
    state = Notebook(tmp_path / "state")
    Reader(Held(world), state)
    with pytest.raises(
        Untrusted, match=f"has gone back: it showed {world.size()} entries .* shows {before.size()}"
    ):
        Reader(Held(before), state)


def test_another_log_at_the_same_url_is_refused_though_it_vouches_for_itself(
    world: World, tmp_path: Path
) -> None:
    other, state = stranger(tmp_path / "new"), Notebook(tmp_path / "state")
    Reader(Held(world), state)
    with pytest.raises(Untrusted, match=f"what is remembered in {state.folder}: "):
        Reader(Held(other), state)
    with pytest.raises(Untrusted, match="a checkpoint that it handed over: "):
        Reader(Held(world), state).admit(Held(other).checkpoint())


def test_a_root_that_was_pinned_for_audits_judges_readers_too(world: World, tmp_path: Path) -> None:
    other, state = stranger(tmp_path / "new"), Notebook(tmp_path / "state")
    with state.held():
        state.pinned.write_bytes(other.home.root().encode())
    with pytest.raises(Untrusted, match="its checkpoint: "):
        Reader(Held(world), state)
    assert not Reader(Held(other), state).first, "it is no longer the log's own word"
