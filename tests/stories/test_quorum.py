"""Independent rebuilders: two that agree make a quorum, and neither a liar nor a thief nor the registry makes one."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from batching import together
from evidence import apart, broken, bundle, read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rebuilding import build_of, judge
from world import OPERATOR, World

from lineage.facts import Evidence
from lineage.predicates import rebuild
from lineage.predicates.rebuild import verifier
from lineage.rebuilders import Contradicted, rebuilders
from lineage.rebuilds import Disputed, Failed, NotReproduced, Outcome, Reproduced
from registry.publish import publish_all
from registry.store import log, verdicts
from registry.work.quorum import agree
from signing.bundle import Bundle
from signing.dsse import Envelope, sign
from signing.errors import Forbidden, Refused
from signing.keys import PrivateKey
from signing.statement import Statement

ANN, BOB, EVE = (verifier(one) for one in ("ann", "bob", "eve"))


@pytest.fixture
def merged(world: World) -> str:
    return world.merge("linear", world.model(), world.model())


@pytest.fixture
def keys(world: World) -> dict[str, PrivateKey]:
    return {who: world.join(who, "rebuilder") for who in ("ann", "bob", "eve")}


def outcome(world: World, artifact: str, size: int | None = None) -> Outcome:
    ((_, found),) = world.verdict(artifact, size).rebuilds
    return found


def test_two_independent_operators_make_a_quorum_that_is_stated_once(world: World, merged: str, keys) -> None:
    first = judge(world, keys["ann"], "ann", merged)
    world.advance(7)
    assert agree(world.home) == ()
    assert outcome(world, merged) == Reproduced((ANN,))
    second = judge(world, keys["bob"], "bob", merged)

    (found,) = agree(world.home)

    assert (found.artifact, found.build, found.operators, found.new) == (
        merged,
        build_of(world, merged),
        ("ann", "bob"),
        True,
    )
    assert outcome(world, merged) == Reproduced((ANN, BOB), (ANN, BOB))
    assert {edge.evidence for edge in world.verdict(merged).parents} == {Evidence.REPRODUCED}
    with world.home.store.reading() as connection:
        (leaf,) = log.indexes(connection, found.entry)
        envelope = log.read(connection, leaf).envelope
    said = Statement.parse(Envelope.parse(envelope).payload).predicate
    assert said["verifiedLevels"] == ["SLSA_BUILD_REPRODUCED"]
    assert said["policy"] == {"uri": "https://studbook.dev/quorum/v1"}
    assert [one["digest"]["sha256"] for one in said["inputAttestations"]] == [first.entry, second.entry]
    size = world.size()
    judge(world, keys["eve"], "eve", merged)
    (again,) = agree(world.home)
    assert (again.entry, again.new, world.size()) == (found.entry, False, size + 1)
    world.check()


def test_t10_neither_the_registry_nor_the_builder_nor_one_operator_twice_is_a_vote(
    world: World, merged: str, keys
) -> None:
    more = world.join("ann", "rebuilder")
    world.rebuild(merged)
    judge(world, keys["ann"], "ann", merged)
    world.advance(1)
    judge(world, more, "ann", merged)

    assert agree(world.home) == ()
    assert outcome(world, merged) == Reproduced((ANN, verifier(OPERATOR)))
    with pytest.raises(Forbidden, match=r"signs as .*rebuilder/ann, not .*rebuilder/bob"):
        judge(world, more, "bob", merged)
    world.check()


def test_t10_who_built_it_is_no_vote_though_another_keeps_the_log(world: World, merged: str, keys) -> None:
    fab = world.join("fab", "builder", "rebuilder")
    said = _said(world, merged)
    world.say(said, fab)
    judge(world, fab, "fab", merged)
    judge(world, keys["ann"], "ann", merged)

    assert agree(world.home) == ()
    judge(world, keys["bob"], "bob", merged)
    assert [one.operators for one in agree(world.home)] == [("ann", "bob")]
    world.check()


def test_t11_a_quorum_that_no_verdicts_bear_out_is_refused_whoever_signs_it(
    world: World, merged: str, keys
) -> None:
    own = world.rebuild(merged).receipt
    first = judge(world, keys["ann"], "ann", merged)
    build, size = build_of(world, merged), world.size()
    for rest in ((own.entry, first.entry), (first.entry, "0" * 64), (build, first.entry)):
        said = rebuild.agreement(merged, rest, OPERATOR, world.time)
        with pytest.raises(Refused, match=f"are no quorum on {merged}: none stands"):
            world.publish("rebuilder", said)
    second = judge(world, keys["bob"], "bob", merged)
    said = rebuild.agreement(merged, (first.entry, second.entry), "ann", world.time)
    with pytest.raises(
        Forbidden, match=r"of ann states a quorum as .*registry/ann; .*registry/kennel, who keeps the log"
    ):
        world.say(said, keys["ann"])
    assert world.size() == size + 1
    world.check()


def test_a_quorum_goes_with_the_artifact_and_is_held_to_its_verdicts(world: World, merged: str, keys) -> None:
    first = judge(world, keys["ann"], "ann", merged)
    judge(world, keys["bob"], "bob", merged)
    (stated,) = agree(world.home)
    lines = bundle(world, merged)
    found = read(world, lines)

    assert stated.entry in {line.proof.proven.entry for line in found.held}
    assert apart(found) == broken(found) == []
    passed = next(line for line in lines if Envelope.parse(Bundle.parse(line).envelope).entry == first.entry)
    left = apart(read(world, [line for line in lines if line != passed]))
    assert left == [f"on what the quorum rests: the verdict, entry {first.entry}"]
    world.check()


def test_t11_a_rebuilder_that_passes_a_wrong_merge_is_named_with_it(world: World, merged: str, keys) -> None:
    judge(world, keys["eve"], "eve", merged)
    judge(world, keys["ann"], "ann", merged, ["layers.0.weight"])
    judge(world, keys["bob"], "bob", merged, ["layers.0.weight"])

    said = {one.operator: one for one in _records(world)}

    wrong = Contradicted(merged, build_of(world, merged), ("ann", "bob"), ("layers.0.weight",))
    assert said["eve"].passed_mismatches == [wrong]
    assert (said["eve"].agreed, said["eve"].compared) == (0, 1)
    assert agree(world.home) == ()
    differs = ("layers.0.weight",)
    assert outcome(world, merged) == Disputed((EVE,), (Failed(ANN, differs), Failed(BOB, differs)))
    assert {edge.evidence for edge in world.verdict(merged).parents} == {Evidence.SIGNED}
    world.check()


def test_t12_a_lone_failed_disputes_and_shows_both_sides_and_takes_no_quorum_away(
    world: World, merged: str, keys
) -> None:
    judge(world, keys["ann"], "ann", merged)
    judge(world, keys["bob"], "bob", merged)
    (stated,) = agree(world.home)
    judge(world, keys["eve"], "eve", merged, ["norm"])

    assert outcome(world, merged) == Disputed((ANN, BOB), (Failed(EVE, ("norm",)),), (ANN, BOB))
    assert agree(world.home) == ()
    assert stated.entry in world.logged()
    said = {one.operator: one for one in _records(world)}
    assert said["eve"].failed_matches == [
        Contradicted(merged, build_of(world, merged), ("ann", "bob"), ("norm",))
    ]
    world.check()


def test_t12_a_failed_that_came_first_lets_no_quorum_be_stated(world: World, merged: str, keys) -> None:
    judge(world, keys["eve"], "eve", merged, ["norm"])
    made = [judge(world, keys[who], who, merged).entry for who in ("ann", "bob")]

    assert agree(world.home) == ()
    with pytest.raises(Refused, match="none stands, or somebody's FAILED stands against it"):
        world.publish("rebuilder", rebuild.agreement(merged, made, OPERATOR, world.time))
    world.check()


def test_t13_verdicts_on_another_artifact_or_provenance_make_no_quorum_on_this_one(
    world: World, merged: str, keys
) -> None:
    other = world.merge("linear", world.model(), world.model())
    with pytest.raises(Refused, match=f"is no provenance of {other}, so nothing rebuilt it from that"):
        judge(world, keys["ann"], "ann", other, build=build_of(world, merged))
    made = [judge(world, keys[who], who, merged).entry for who in ("ann", "bob")]

    with pytest.raises(Refused, match=f"are no quorum on {other}: none stands"):
        world.publish("rebuilder", rebuild.agreement(other, made, OPERATOR, world.time))
    judge(world, keys["ann"], "ann", other)
    assert [one.artifact for one in agree(world.home)] == [merged]
    world.check()


def test_t8_a_quorum_falls_with_the_verdicts_of_a_stolen_key_and_may_stand_again(
    world: World, merged: str, keys
) -> None:
    judge(world, keys["ann"], "ann", merged)
    good = world.time
    world.advance(100)
    judge(world, keys["bob"], "bob", merged)
    (stated,) = agree(world.home)
    size = world.size()

    world.end(keys["bob"], good)

    assert outcome(world, merged) == Reproduced((ANN,))
    assert outcome(world, merged, size) == Reproduced((ANN, BOB), (ANN, BOB)), "as of then, it counted"
    assert agree(world.home) == ()
    judge(world, keys["eve"], "eve", merged)
    (again,) = agree(world.home)
    assert (again.operators, again.new) == (("ann", "eve"), True)
    assert again.entry != stated.entry
    world.check()


def test_a_failed_of_a_stolen_key_stands_against_nothing(world: World, merged: str, keys) -> None:
    good = world.time
    world.advance(100)
    judge(world, keys["eve"], "eve", merged, ["norm"])
    for who in ("ann", "bob"):
        judge(world, keys[who], who, merged)
    assert agree(world.home) == ()

    world.end(keys["eve"], good)

    assert [one.operators for one in agree(world.home)] == [("ann", "bob")]
    world.check()


def test_a_quorum_falls_with_the_provenance_and_a_lone_failed_is_no_dispute(
    world: World, merged: str, keys
) -> None:
    judge(world, keys["ann"], "ann", merged, ["norm"])
    assert outcome(world, merged) == NotReproduced((Failed(ANN, ("norm",)),))
    fab, good = world.join("fab", "builder"), world.time
    world.advance(100)
    said = _again(_said(world, merged))
    build = world.say(said, fab).entry
    for who in ("ann", "bob"):
        judge(world, keys[who], who, merged, build=build)
    assert [one.build for one in agree(world.home)] == [build]

    world.end(fab, good)

    assert [which for which, _ in world.verdict(merged).rebuilds] == [build_of(world, merged)]
    assert agree(world.home) == ()
    world.check()


def test_a_verdict_and_the_quorum_it_makes_may_come_in_one_batch(world: World, merged: str, keys) -> None:
    first = judge(world, keys["ann"], "ann", merged)
    second = rebuild.statement(merged, build_of(world, merged), "bob", world.time, [])
    entry = Envelope("application/vnd.in-toto+json", second.encode(), ()).entry
    both = rebuild.agreement(merged, (first.entry, entry), OPERATOR, world.time)
    signed = ((second, keys["bob"]), (both, world.home.keys("rebuilder")))

    publish_all(world.home.writer(), [sign(one.encode(), [key]).encode() for one, key in signed])

    (found,) = agree(world.home)
    assert not found.new
    world.check()


def test_a_quorum_that_is_refused_leaves_the_verdicts_of_its_batch_alone(
    world: World, merged: str, keys
) -> None:
    """What waits is written before it is judged; what was written for others does not go with it."""
    first = judge(world, keys["ann"], "ann", merged)
    second = rebuild.statement(merged, build_of(world, merged), "bob", world.time, [])
    wrong = rebuild.agreement(merged, (first.entry, "0" * 64), OPERATOR, world.time)
    writer = world.home.writer()
    said = (
        (second, keys["bob"]),
        (wrong, world.home.keys("rebuilder")),
        (_again(_said(world, merged)), world.home.keys("builder")),
    )
    answers = together(writer, *([sign(one.encode(), [key]).encode()] for one, key in said))

    assert [isinstance(one, Refused) for one in answers] == [False, True, False]
    assert "are no quorum" in str(answers[1])
    assert [one.operators for one in agree(world.home)] == [("ann", "bob")]
    world.check()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ann", "bob", "eve", OPERATOR]),
            st.sampled_from(["passed", "passed", "failed", "end"]),
            st.booleans(),
        ),
        max_size=9,
    )
)
def test_law_whatever_is_said_and_ended_the_log_folds_again_and_quorums_follow_from_it(steps) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        merged = world.merge("linear", world.model(), world.model())
        keys = {who: world.join(who, "rebuilder") for who in ("ann", "bob", "eve")}
        keys[OPERATOR] = world.home.keys("rebuilder")
        ended, good = {OPERATOR}, world.time
        for who, what, state in steps:
            world.advance(1)
            if what == "end" and who not in ended:
                ended.add(who)
                world.end(keys[who], good)
            elif what != "end" and (who not in ended or who == OPERATOR):
                judge(world, keys[who], who, merged, ["norm"] if what == "failed" else ())
            if state:
                agree(world.home)
        found = outcome(world, merged)
        quorum = isinstance(found, Reproduced) and bool(found.quorum)
        assert bool(agree(world.home)) == quorum
        world.check()
        world.home.store.close()


def _records(world: World):
    with world.home.store.reading() as connection:
        return rebuilders(verdicts.tally(connection))


def _said(world: World, artifact: str) -> Statement:
    """The provenance of an artifact as it was said."""
    with world.home.store.reading() as connection:
        envelope = log.read(connection, log.indexes(connection, build_of(world, artifact))[0]).envelope
    return Statement.parse(Envelope.parse(envelope).payload)


def _again(said: Statement) -> Statement:
    """Return the same provenance as another run would sign it."""
    run = {**said.predicate["runDetails"], "metadata": {"invocationId": "again"}}
    return Statement(said.subjects, said.predicate_type, {**said.predicate, "runDetails": run})
