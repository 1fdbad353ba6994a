"""T16: where the newest binding of a name is removed under an order, the one before it does not come back in silence."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World

from lineage.predicates import name, redaction
from registry.local import Local
from registry.store import Absent, lineage, log, tenure
from registry.store import redaction as stored
from registry.store.log import Receipt
from signing.digest import sha256_hex
from signing.errors import Malformed

ORDER = "erasure request 17"
NAME = "kennel/dog"


def bind(world: World, artifact: str, revision: str | None = None, called: str = NAME) -> Receipt:
    world.advance(1)
    return world.publish("publisher", name.statement(artifact, called, revision, world.time))[0]


def redact(world: World, entry: str) -> Receipt:
    with world.home.store.reading() as connection:
        left = stored.left(connection, log.indexes(connection, entry)[0])
    (done,) = world.publish("root", redaction.statement(entry, ORDER, left))
    world.home.store.settle()
    return done


def names(world: World, artifact: str) -> tuple[str, ...]:
    with world.home.store.reading() as connection:
        (node,) = lineage.around(connection, artifact).nodes
        return node.names


def test_a_name_means_nothing_once_its_newest_binding_is_removed_until_it_is_bound_anew(world: World) -> None:
    old, new, other = world.artifact(), world.artifact(), world.artifact()
    bind(world, old)
    removed = bind(world, new)
    done = redact(world, removed.entry)
    sentence = (
        f"what '{NAME}' means is unknown: its newest binding, entry {removed.index}, was removed by entry {done.index}"
        rf" under an order \({ORDER}\), and nobody has bound it since"
    )
    with pytest.raises(Absent, match=sentence):
        world.resolve(NAME)
    with pytest.raises(Absent, match=sentence.replace(NAME, "Kennel/Dog")):
        world.resolve("Kennel/Dog")
    assert names(world, old) == names(world, new) == ()
    with pytest.raises(Absent, match="means is unknown"):
        Local(world.home.store, lambda: world.time).resolve(NAME)
    world.check()

    bind(world, other)
    assert world.resolve(NAME) == other
    assert names(world, other) == (NAME,)
    world.check()


def test_older_bindings_may_be_removed_and_the_newest_stands(world: World) -> None:
    old, new = world.artifact(), world.artifact()
    first = bind(world, old)
    bind(world, new)
    redact(world, first.entry)
    assert world.resolve(NAME) == new
    world.check()


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0), (2, 0, 1), (0, 2, 1), (1, 0, 2)])
def test_bindings_go_one_after_another_and_none_comes_back(world: World, order: tuple[int, ...]) -> None:
    """And once all are gone nothing of the name is left, not even a hash that a guess could be held against."""
    secret = "kennel/jane-doe"
    models = [world.artifact() for _ in range(3)]
    bound = [bind(world, model, called=secret) for model in models]
    gone = set()
    for which in order:
        redact(world, bound[which].entry)
        gone.add(which)
        if 2 in gone:
            with pytest.raises(Absent):
                world.resolve(secret)
            assert all(names(world, model) == () for model in models)
        else:
            assert world.resolve(secret) == models[2]
        world.check()
    for left in (secret, secret.upper(), sha256_hex(secret.encode()), sha256_hex(b"jane-doe")):
        found = [path for path in Path(world.home.path).rglob("*") if path.is_file()]
        assert not [path for path in found if left.encode() in path.read_bytes()]


def test_other_revisions_keep_what_they_mean(world: World) -> None:
    first, second, third = world.artifact(), world.artifact(), world.artifact()
    bind(world, first, "v1")
    bind(world, second, "v2")
    redact(world, bind(world, third, "v2").entry)
    assert world.resolve(f"{NAME}@v1") == first
    for lost in (NAME, f"{NAME}@v2"):
        with pytest.raises(Absent, match="means is unknown"):
            world.resolve(lost)
    assert names(world, first) == (f"{NAME}@v1",)
    assert names(world, second) == ()
    bind(world, second)
    assert world.resolve(NAME) == second
    with pytest.raises(Absent, match=f"'{NAME}@v2' means is unknown"):
        world.resolve(f"{NAME}@v2")
    world.check()


def test_a_removed_binding_by_a_stolen_key_falls_like_any_other(world: World) -> None:
    thief = world.join("thief", "publisher")
    model, bad = world.artifact(), world.artifact()
    bind(world, model)
    world.advance(1)
    stolen = world.say(name.statement(bad, NAME, None, 1), thief)
    redact(world, stolen.entry)
    with pytest.raises(Absent, match="means is unknown"):
        world.resolve(NAME)
    world.end(thief, world.time - 1)
    assert world.resolve(NAME) == model
    assert names(world, model) == (NAME,)
    world.check()


def test_a_binding_that_another_key_carried_on_is_removed_with_the_place_it_had(world: World) -> None:
    """Ben's leaf of it is the newest since anna's fell, and what stands between the two does not come back."""
    anna, ben = world.join("anna", "publisher"), world.join("ben", "publisher")
    said, between = name.statement(world.artifact(), NAME, None, 1), world.artifact()
    world.advance(1)
    first = world.say(said, anna)
    bind(world, between)
    world.say(said, ben)
    world.end(anna, first.time - 1)
    redact(world, first.entry)
    with pytest.raises(Absent, match="means is unknown"):
        world.resolve(NAME)
    assert names(world, between) == ()
    world.check()


def test_a_redaction_cannot_keep_quiet_about_an_older_binding(world: World) -> None:
    """Or whoever redacts moves a name back, and words could hide where a hash is due."""
    bind(world, world.artifact())
    moved = bind(world, world.artifact())
    with world.home.store.reading() as connection:
        left = stored.left(connection, moved.index)
    (fact,) = left.facts
    for kept in (
        {"kind": "removed", "namespace": fact.namespace},
        {"kind": "unbound", "namespace": fact.namespace, "name": moved.entry, "revision": ""},
    ):
        said = redaction.statement(moved.entry, ORDER, left)
        said.predicate["kept"]["facts"] = [kept]
        with pytest.raises(Malformed, match="and the entry leaves"):
            world.publish("root", said)
    for words in ({"name": "jane-doe"}, {"namespace": "jane"}, {"revision": "jane"}):
        said = redaction.statement(moved.entry, ORDER, left)
        said.predicate["kept"]["facts"][0] |= words
        with pytest.raises(Malformed, match="are hashes, and 'jane"):
            world.publish("root", said)
    world.check()


KEYS = ("anna", "ben")
ACTS = st.lists(
    st.one_of(
        st.tuples(
            st.just("bind"), st.sampled_from([None, "v1", "v2"]), st.sampled_from([(0,), (1,), (0, 1)])
        ),
        st.tuples(st.just("again"), st.integers(0, 7), st.integers(0, 1)),
        st.tuples(st.just("redact"), st.integers(0, 7), st.none()),
        st.tuples(st.just("end"), st.integers(0, 1), st.integers(1, 9)),
    ),
    min_size=4,
    max_size=14,
)


def play(world: World, acts: list, *, redacting: bool) -> list[str]:
    """Do all of it in one world, with or without the redactions; return the entries that were, or would be, removed."""
    keys = [world.join(one, "publisher") for one in KEYS]
    models = [world.artifact() for _ in range(14)]
    said, removed, ended = [], [], set()
    for step, (act, first, second) in enumerate(acts):
        world.advance(1)
        match act:
            case "bind" if ended.isdisjoint(second):
                said.append(name.statement(models[step], NAME, first, world.time))
                said[-1] = (said[-1], world.say(said[-1], *(keys[one] for one in second)).entry)
            case "again" if said and second not in ended:
                statement, entry = said[first % len(said)]
                if entry not in removed:
                    world.say(statement, keys[second])
            case "redact" if said and said[first % len(said)][1] not in removed:
                removed.append(said[first % len(said)][1])
                if redacting:
                    redact(world, removed[-1])
            case "end" if first not in ended:
                ended.add(first)
                world.end(keys[first], world.time - second)
    return removed


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=ACTS)
def test_law_a_name_means_what_it_would_mean_without_redactions_or_nothing(acts: list) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        world, twin = World(Path(one)), World(Path(other))
        removed = play(world, acts, redacting=True)
        assert play(twin, acts, redacting=False) == removed
        for ref in (NAME, f"{NAME}@v1", f"{NAME}@v2"):
            due = means(twin, ref)
            if due is None or due[1] in removed:
                with pytest.raises(Absent):
                    world.resolve(ref)
                if due is not None:
                    assert ref not in names(world, due[0])
            else:
                assert world.resolve(ref) == due[0]
                assert ref in names(world, due[0])
        world.check()
        for each in (world, twin):
            each.home.store.close()


def means(world: World, ref: str) -> tuple[str, str] | None:
    """What a name points at, and the entry that says so."""
    from sqlalchemy import text

    revision = ref.partition("@")[2] or None
    found = text(f"""
        SELECT node.id, entry.id FROM name JOIN node ON node.number = name.artifact JOIN entry ON entry."index" = name.entry
        WHERE (CAST(:revision AS TEXT) IS NULL OR name.revision = :revision) AND {tenure.standing("name")} ORDER BY name.entry DESC
    """)
    with world.home.store.reading() as connection:
        row = connection.execute(found, {"revision": revision}).first()
    return None if row is None else (row[0], row[1])
