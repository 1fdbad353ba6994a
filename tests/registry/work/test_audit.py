"""An auditor believes nothing that it is handed: honest logs hold, and everything else is refused for its reason."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from auditing import Files, Held, Signed, copied, look
from growing import grow
from sqlalchemy import text
from world import World

from lineage.predicates import license as license_predicate
from lineage.predicates import redaction as redaction_predicate
from lineage.predicates import root as root_predicate
from registry.store import redaction
from registry.store.log import Receipt
from registry.work.memory import Memory, Notebook
from signing import dsse
from signing.errors import Malformed, Untrusted
from signing.keys import PrivateKey

# JSON values that Python takes for an integer, or for the integer 1.
ODD = [('"v":1', '"v":true'), ('"v":1', '"v":1.0'), ('"size":7', '"size":true'), ('"time":8', '"time":false')]
LATER = 1_800_000_000


@pytest.fixture
def forged(world: World) -> Signed:
    """An honest log of a model and its license, that its operator may go on writing as they like."""
    world.license(world.artifact(), "mit")
    return Signed.of(world)


def terms(world: World, issued: int = 1):
    return license_predicate.statement(world.artifact(), "mit", issued)


def test_an_honest_log_holds_and_is_read_once(world: World, tmp_path: Path) -> None:
    world.license(world.model(), "mit")
    root, state = world.home.root(), tmp_path / "state"

    audit, found = look(Held(world), root, state)
    assert [one.leaf.pae for one in found] == world.logged()
    assert (audit.seen.size, audit.memory.size) == (world.size(), world.size())
    assert look(Held(world), root, state)[1] == []

    before = world.size()
    world.model()
    audit, found = look(Held(world), root, state)
    assert [one.index for one in found] == list(range(before, world.size()))
    world.check()


@pytest.mark.parametrize("size", [255, 256, 257, 513])
def test_a_log_of_several_tiles_holds_as_it_grows(world: World, tmp_path: Path, size: int) -> None:
    seen: list[int] = []
    for until in (size - 3, size, size + 300):
        grow(world, until)
        seen += [one.index for one in look(Held(world), world.home.root(), tmp_path / "state")[1]]
    assert seen == list(range(size + 300))


def test_an_audit_that_is_cut_off_anywhere_goes_on(world: World, tmp_path: Path) -> None:
    grow(world, 600)
    root, state = world.home.root(), tmp_path / "state"
    seen: set[int] = set()
    for most in (0, 1, 100, 255, 256, 10):
        seen |= {one.index for one in look(Held(world), root, state, most)[1]}
    audit, found = look(Held(world), root, state)
    seen |= {one.index for one in found}
    assert seen == set(range(600))
    assert audit.memory.size == 600
    # A bundle that was verified whole is not fetched again.
    assert [one.index for one in found] == list(range(256, 600))


def test_a_log_that_never_answered_leaves_no_trace(tmp_path: Path) -> None:
    folder = tmp_path / "audits" / "one"
    with Notebook(folder).held():
        assert folder.is_dir()
    assert list(tmp_path.iterdir()) == []
    with Notebook(folder).held():
        Notebook(folder).see(7, b"a note")
    with Notebook(folder).held():
        assert Notebook(folder).seen(7) == b"a note"
    assert (folder / "checkpoints" / "7").is_file()


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_is_one_s_own_while_others_make_it_and_take_it_away(tmp_path: Path, there: bool) -> None:
    folder, inside, rounds = tmp_path / "audits" / "state", [], 150
    if there:
        folder.mkdir(parents=True)

    def hold() -> None:
        for _ in range(rounds):
            with Notebook(folder).held():
                inside.append("in")
                Notebook(folder).see(7, b"a note")
                (folder / "checkpoints" / "7").unlink()
                inside.append("out")

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(hold) for _ in range(4)]:
            done.result()
    assert inside == ["in", "out"] * 4 * rounds
    assert (folder.exists(), (folder / "checkpoints").exists()) == (there, False)


@pytest.mark.parametrize("spelled", [".", "../home", "inner/..", "../other"])
def test_a_log_is_remembered_in_one_place_however_the_home_is_spelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelled: str
) -> None:
    home = tmp_path / "home"
    (home / "inner").mkdir(parents=True)
    (tmp_path / "other").symlink_to(home)
    monkeypatch.chdir(home)
    found = Notebook.beside(Path(spelled), "http://kennel.example").folder
    assert found == Notebook.beside(home, "http://kennel.example").folder
    assert found.parent == tmp_path / "studbook-audits"
    assert Notebook.beside(Path("/"), "http://kennel.example").folder.parent == Path("/studbook-audits")


def test_what_is_remembered_is_read_as_it_was_written(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    assert notebook.read() is None
    with notebook.held():
        notebook.write(Memory(b"a note", 7, 8, ("ab" * 32,), b""))
    with pytest.raises(Malformed, match=r"state\.json is damaged: the trusted root that is remembered"):
        notebook.read()
    notebook.write(Memory(b"a note", 7, 8))
    assert notebook.read() == Memory(b"a note", 7, 8)
    whole = (tmp_path / "state.json").read_text()
    for harmed in ("{}", *(whole.replace(*odd) for odd in ODD)):
        assert harmed != whole
        (tmp_path / "state.json").write_text(harmed)
        with pytest.raises(Malformed, match="is damaged: a memory of version 1"):
            notebook.read()


def stale(forged: Signed, world: World) -> None:
    forged.append(terms(world), [world.home.keys("publisher")], time=5)


def unsigned(forged: Signed, world: World) -> None:
    forged.append(terms(world), [PrivateKey.generate("ecdsa-p256")], time=LATER)


def lent(forged: Signed, world: World) -> None:
    """A second name in the leaf, of somebody who did not sign."""
    keys = sorted(world.home.keys(role).public.id for role in ("publisher", "security"))
    forged.append(terms(world), [world.home.keys("publisher")], time=LATER, named=keys)


def unnamed(forged: Signed, world: World) -> None:
    """Signed by two, and the leaf names one."""
    keys = [world.home.keys(role) for role in ("publisher", "security")]
    forged.append(terms(world), keys, time=LATER, named=[keys[0].public.id])


def beyond_its_role(forged: Signed, world: World) -> None:
    forged.append(terms(world), [world.home.keys("security")], time=LATER)


def another_payload(forged: Signed, world: World) -> None:
    forged.append(terms(world), [world.home.keys("publisher")], time=LATER)
    forged.sent[-1] = dsse.sign(terms(world, 2).encode(), [world.home.keys("publisher")]).encode()


def no_envelope(forged: Signed, world: World) -> None:
    forged.append(terms(world), [world.home.keys("publisher")], time=LATER)
    forged.sent[-1] = b""


def re_encoded_leaf(forged: Signed, world: World) -> None:
    forged.append(terms(world), [world.home.keys("publisher")], time=LATER)
    forged.leaves[-1] = forged.leaves[-1].replace(b",", b", ")


def inner_node(forged: Signed, _world: World) -> None:
    nodes = forged.nodes()
    forged.leaves.append(nodes[0, 0] + nodes[0, 1])
    forged.sent.append(b"")


def own_root(forged: Signed, world: World) -> None:
    """A next trusted root that the root key in force did not sign."""
    following = world.home.root().model_copy(update={"version": 2})
    forged.append(root_predicate.statement(following), [world.home.keys("publisher")], time=LATER)


def skipped_root(forged: Signed, world: World) -> None:
    following = world.home.root().model_copy(update={"version": 3})
    forged.append(root_predicate.statement(following), [world.home.keys("root")], time=LATER)


def unknown_type(forged: Signed, world: World) -> None:
    said = terms(world)
    other = type(said)(said.subjects, "https://studbook.dev/rumour/v1", said.predicate)
    forged.append(other, [world.home.keys("publisher")], time=LATER)


CRIMES: list[tuple[Callable[[Signed, World], None], str]] = [
    (stale, "its time is 5, before that of the entry above it"),
    (unsigned, "is signed by no key of the trusted root in force"),
    (lent, "and the leaf names"),
    (unnamed, "and the leaf names"),
    (beyond_its_role, "holds security, not publisher"),
    (another_payload, "and the leaf names"),
    (no_envelope, "not JSON"),
    (re_encoded_leaf, "is not in canonical JSON"),
    (inner_node, "not UTF-8|not JSON"),
    (own_root, "holds publisher, builder, rebuilder, not root"),
    (skipped_root, "where version 2 is due"),
    (unknown_type, "are not understood here"),
]


@pytest.mark.parametrize(("crime", "says"), CRIMES, ids=[crime.__name__ for crime, _ in CRIMES])
def test_what_a_log_may_not_hold_is_refused_by_entry(
    world: World, forged: Signed, tmp_path: Path, crime: Callable[[Signed, World], None], says: str
) -> None:
    state, size = tmp_path / "state", len(forged.leaves)
    look(forged, world.home.root(), state)
    crime(forged, world)

    with pytest.raises(Untrusted, match=f"^entry {size}: .*({says})"):
        look(forged, world.home.root(), state)

    # Said again: nothing of it was taken for verified.
    with pytest.raises(Untrusted, match=f"^entry {size}: "):
        look(forged, world.home.root(), state)
    assert Notebook(state).read().size == size


def test_a_trusted_root_that_the_log_brings_in_is_followed(
    world: World, forged: Signed, tmp_path: Path
) -> None:
    key = PrivateKey.generate("ecdsa-p256")
    root = world.home.root()
    ours = next(one for one in root.keys if "publisher" in one.roles)
    theirs = ours.model_copy(update={"public": key.public, "operator": "second", "roles": ("publisher",)})
    following = root.model_copy(update={"version": 2, "keys": (*root.keys, theirs)})
    forged.append(terms(world), [key], time=LATER)
    with pytest.raises(Untrusted, match="no key of the trusted root in force"):
        look(forged, root, tmp_path / "early")

    forged = Signed.of(world)
    forged.append(root_predicate.statement(following), [world.home.keys("root")], time=LATER)
    forged.append(terms(world), [key], time=LATER)
    audit, found = look(forged, root, tmp_path / "state")
    assert found[-1].leaf.keys == (key.public.id,)
    assert audit.memory.root == following.encode()
    # Whoever pinned the second version is led to it from the first, and whoever pinned another second one is not.
    assert look(forged, following, tmp_path / "second")[0].memory.size == len(forged.leaves)
    with pytest.raises(Untrusted, match=r"version 2 of the trusted root is .* is pinned"):
        look(forged, root.model_copy(update={"version": 2}), tmp_path / "third")
    # It goes on from there, too.
    forged.append(terms(world, 7), [key], time=LATER)
    assert len(look(forged, root, tmp_path / "state")[1]) == 1
    with pytest.raises(Untrusted, match="is pinned"):
        look(forged, root.model_copy(update={"version": 2}), tmp_path / "state")


def test_t16_a_log_older_than_the_pin_is_refused(world: World, tmp_path: Path) -> None:
    newer = world.home.root().model_copy(update={"version": 2})
    with pytest.raises(Untrusted, match=r"has 1 versions of the trusted root .* version 2 is pinned"):
        look(Held(world), newer, tmp_path / "state")


def test_another_first_root_under_the_same_log_key_is_refused(world: World, tmp_path: Path) -> None:
    root = world.home.root()
    other = root.model_copy(update={"keys": tuple(reversed(root.keys))})
    with pytest.raises(Untrusted, match=r"version 1 of the trusted root is .* is pinned"):
        look(Held(world), other, tmp_path / "state")


def test_an_envelope_that_an_order_had_removed_is_missed_by_nobody(world: World, tmp_path: Path) -> None:
    (said,) = world.publish("publisher", terms(world))
    mirror = tmp_path / "mirror"
    copied(Held(world), world.home.root(), mirror)
    assert (mirror / "entries" / said.entry).exists()
    with world.home.store.reading() as connection:
        left = redaction.left(connection, said.index)

    with world.home.store.writing() as connection:
        connection.execute(text('DELETE FROM payload WHERE "index" = :index'), {"index": said.index})
    with pytest.raises(
        Untrusted, match=f"entry {said.index}: .* was removed; no entry of the log has it removed"
    ):
        look(Held(world), world.home.root(), tmp_path / "state")
    assert Notebook(tmp_path / "state").read().size == 0, "it is looked at again"

    world.publish("publisher", terms(world, 2))
    with world.home.store.writing() as connection:
        connection.execute(
            text("INSERT INTO payload VALUES (:i, :e)"), {"i": said.index, "e": envelope_of(mirror, said)}
        )
    world.publish("root", redaction_predicate.statement(said.entry, "court 17", left))

    audit, found = look(Held(world), world.home.root(), tmp_path / "state")
    assert [one.index for one in found if one.envelope is None] == [said.index]
    assert audit.memory.size == world.size()
    copied(Held(world), world.home.root(), mirror)
    assert not (mirror / "entries" / said.entry).exists()
    assert len(look(Files(mirror), world.home.root(), tmp_path / "other")[1]) == world.size()
    world.check()


def envelope_of(mirror: Path, said: Receipt) -> bytes:
    return (mirror / "entries" / said.entry).read_bytes()
