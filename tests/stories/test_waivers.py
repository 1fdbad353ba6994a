"""Conflicts of licenses that somebody accepts: told as that, until the day they end, and asked for before a name is bound."""

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World

from lineage.facts import Waived
from lineage.finding import Finding
from lineage.licensing import Licensing, judge
from lineage.predicates import claims, derivation, license, license_gate, name, redaction, signature, waiver  # noqa: A004
from registry.found import WaiverOut
from registry.store import gate, lineage
from registry.store import redaction as stored
from registry.store.gate import Contradicted
from registry.work.waiving import waive
from signing.digest import artifact_id
from signing.errors import Forbidden, Malformed, Refused
from signing.keys import PrivateKey

DAY = 86_400


def judged(world: World, artifact: str, size: int | None = None) -> Licensing:
    with world.home.store.reading() as connection:
        return judge(lineage.around(connection, artifact, size), now=world.time)


def conflicts(world: World, artifact: str) -> list[Finding]:
    return [one for one in judged(world, artifact).findings if one.decides == "conflict"]


@pytest.fixture
def family(world: World) -> dict[str, str]:
    """A base that allows no commercial use, and a fine-tune of it, without a name, that declares apache-2.0."""
    base = world.artifact()
    world.bind("kennel/base", base)
    world.license(base, "cc-by-nc-4.0")
    child = world.artifact(base)
    world.license(child, "apache-2.0")
    return {"base": base, "child": child}


def test_a_name_is_bound_to_a_conflict_once_each_finding_is_accepted_and_until_then(
    world: World, family
) -> None:
    child = family["child"]
    lost, sold = conflicts(world, child)
    until = world.time + DAY
    size = world.size()

    with pytest.raises(Contradicted) as refused:
        world.bind("kennel/tuned", child)
    said = str(refused.value)
    assert f"{sold.kind}: {sold.sentence.replace(child, 'kennel/tuned')}" in said
    assert f"from {family['base']}, and 1 more" in said
    assert "by way of kennel/base → kennel/tuned" in said
    assert (
        f"`studbook license waive {child} {sold.kind} --name kennel/tuned --until WHEN --reason TEXT`" in said
    )
    assert world.size() == size, "a name that is refused costs nothing"

    world.waive(child, lost, until)
    with pytest.raises(Contradicted, match="LIC-NC-COMMERCIAL"):
        world.bind("kennel/tuned", child)
    world.waive(child, sold, until)
    world.bind("kennel/tuned", child)
    found = judged(world, child)
    assert (found.outcome, [(one.namespace, one.until) for one in found.accepted]) == (
        "conflict",
        [("kennel", until)],
    )

    world.advance(DAY)
    assert judged(world, child).accepted == ()
    with pytest.raises(Contradicted):
        world.bind("kennel/again", child)
    assert world.resolve("kennel/tuned") == child, "what is bound stays bound"
    world.check()


def test_a_waiver_covers_no_other_license_no_other_namespace_and_nothing_below(world: World, family) -> None:
    child, anna = family["child"], world.join("anna", "publisher", namespaces=["guest"])
    for one in conflicts(world, child):
        world.waive(child, one, world.time + DAY)
    with pytest.raises(Contradicted):
        world.bind("guest/tuned", child, anna)
    with pytest.raises(Forbidden, match="covers the namespaces guest, not kennel"):
        world.waive(child, conflicts(world, child)[0], world.time + DAY, key=anna)

    below = world.artifact(child)
    world.license(below, "apache-2.0")
    with pytest.raises(Contradicted):
        world.bind("kennel/below", below)

    world.bind("kennel/tuned", child)
    world.advance(1)
    world.license(family["base"], "gemma")
    assert judged(world, child).accepted == (), "nobody accepted what the base says now"
    with pytest.raises(Contradicted, match="gemma"):
        world.bind("kennel/later", child)
    world.check()


def test_whoever_owns_a_name_accepts_for_it_whoever_registered_the_artifact(world: World, family) -> None:
    child, anna = family["child"], world.join("anna", "publisher", namespaces=["guest"])
    for one in conflicts(world, child):
        world.waive(child, one, world.time + DAY, namespace="guest", key=anna)
    world.bind("guest/tuned", child, anna)
    with pytest.raises(Contradicted):
        world.bind("kennel/tuned", child)
    assert [one.operators for one in judged(world, child).waivers] == [("anna",), ("anna",)]
    world.check()


def test_a_name_itself_may_be_what_contradicts(world: World) -> None:
    base = world.artifact()
    world.license(base, "llama3.1")
    child = world.artifact(base)
    world.license(child, "llama3.1")
    with pytest.raises(Contradicted, match="LIC-NAME-PREFIX: kennel/mine does not begin with 'Llama'"):
        world.bind("kennel/mine", child)
    world.bind("kennel/Llama-mine", child)
    world.check()


def test_a_strangers_name_for_an_artifact_shuts_nobody_elses(world: World) -> None:
    base = world.artifact()
    world.license(base, "llama3.1")
    child, anna = world.artifact(base), world.join("anna", "publisher", namespaces=["guest"])
    world.license(child, "llama3.1")
    world.decide(shut=False)
    world.bind("guest/mine", child, anna)
    world.advance(1)
    world.decide(shut=True)

    world.bind("kennel/Llama-mine", child)
    with pytest.raises(Contradicted, match="kennel/mine does not begin with"):
        world.bind("kennel/mine", child)
    with pytest.raises(Refused, match=r"finds no conflict about .* as kennel/Llama-other"):
        waive(world.home, child, "LIC-NAME-PREFIX", world.time + DAY, "asked", name="kennel/Llama-other")
    accepted = waive(world.home, child, "LIC-NAME-PREFIX", world.time + DAY, "asked", name="kennel/mine")
    assert "kennel/mine does not begin" in accepted.findings[0].sentence
    world.bind("kennel/mine", child)
    world.check()


def test_several_names_of_one_artifact_are_judged_by_one_slice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = world.artifact()
    world.license(base, "mit")
    child = world.artifact(base)
    world.license(child, "mit")
    asked: list[str] = []
    bare = lineage.bare
    monkeypatch.setattr(lineage, "bare", lambda at, one: (asked.append(one), bare(at, one))[1])
    world.publish(
        "publisher", *(name.statement(child, f"kennel/tuned-{n}", None, world.time) for n in range(3))
    )
    assert asked == [child]


def test_what_is_named_with_its_registration_is_refused_whole_whatever_the_order(
    world: World, family
) -> None:
    files = {"a.bin": "ab" * 32}
    artifact, size = artifact_id(files), world.size()
    made = derivation.Parent(family["base"], "finetune")
    with pytest.raises(Contradicted, match="register it without a name, then"):
        world.publish(
            "publisher",
            signature.statement("a", files),
            name.statement(artifact, "kennel/a", None, world.time),
            derivation.statement(artifact, [made]),
            license.statement(artifact, "apache-2.0", world.time),
        )
    assert world.size() == size
    world.check()


def test_an_open_gate_is_a_logged_decision_of_whoever_keeps_the_log(world: World, family) -> None:
    child, anna = family["child"], world.join("anna", "publisher")
    with pytest.raises(Forbidden, match="kennel, who keeps the log, does"):
        world.say(license_gate.statement("x", "because", world.time, shut=False), anna)
    opened = world.decide(shut=False)
    world.bind("kennel/tuned", child)
    world.advance(1)
    world.decide(shut=True)
    with pytest.raises(Contradicted):
        world.bind("kennel/other", child)
    with world.home.store.reading() as connection:
        found = gate.decision(connection)
    assert (found.shut, found.reason) == (True, "a sale")
    assert found.index is not None
    assert found.index > opened.index
    world.check()


def test_the_same_binding_again_is_answered_whatever_its_licenses_say_by_now(world: World) -> None:
    base = world.artifact()
    world.license(base, "mit")
    child = world.artifact(base)
    world.license(child, "mit")
    said = name.statement(child, "kennel/tuned", None, world.time)
    first = world.publish("publisher", said)[0]
    world.advance(1)
    world.license(base, "cc-by-nc-4.0")

    assert judged(world, child).outcome == "conflict"
    assert world.publish("publisher", said)[0] == first
    world.check([first])


def test_a_waiver_is_taken_back_by_a_newer_one_that_ends_and_by_an_order(world: World, family) -> None:
    child = family["child"]
    for one in conflicts(world, child):
        receipt = world.waive(child, one, world.time + DAY)
    assert judged(world, child).accepted
    with world.home.store.reading() as connection:
        left = stored.left(connection, receipt.index)
    assert "we asked" not in left.encode().decode()
    assert "kennel" not in left.encode().decode()
    world.publish("root", redaction.statement(receipt.entry, "court 17", left))
    world.home.store.settle()
    assert (judged(world, child).accepted, len(judged(world, child).waivers)) == ((), 1)

    world.advance(1)
    for one in conflicts(world, child):
        world.waive(child, one, world.time + DAY)
    assert judged(world, child).accepted
    world.advance(1)
    world.waive(child, conflicts(world, child)[0], world.time)
    assert judged(world, child).accepted == ()
    world.check()


def test_an_order_over_what_takes_a_waiver_back_does_not_revive_it(world: World, family) -> None:
    child = family["child"]
    first = [world.waive(child, one, world.time + DAY) for one in conflicts(world, child)]
    world.advance(1)
    taken = [world.waive(child, one, world.time) for one in conflicts(world, child)]

    with pytest.raises(Refused, match=f"redact entry {first[0].index} first"):
        world.redact(taken[0].entry)
    assert judged(world, child).accepted == ()
    for one in (*first, *taken):
        world.redact(one.entry)
    assert judged(world, child).accepted == ()
    world.check()


def test_what_an_ended_key_waived_and_decided_since_falls_with_it(world: World, family) -> None:
    child, anna = family["child"], world.join("anna", "publisher", namespaces=["guest"])
    stolen = world.join("kennel", "publisher")
    world.advance(10)
    for one in conflicts(world, child):
        world.waive(child, one, world.time + DAY, namespace="guest", key=anna)
    opened = license_gate.statement(world.home.root().origin, "a sale", world.time, shut=False)
    world.say(opened, stolen)
    size = world.size()
    assert [one.namespace for one in judged(world, child).accepted] == ["guest"]
    world.bind("kennel/tuned", child)

    world.end(anna, world.time - 5)
    world.end(stolen, world.time - 5)
    assert judged(world, child).accepted == ()
    assert [one.namespace for one in judged(world, child, size).accepted] == ["guest"], "as it was then"
    with pytest.raises(Contradicted):
        world.bind("kennel/again", child)
    world.check()


def test_a_waiver_of_more_than_two_years_is_none(world: World, family) -> None:
    found = conflicts(world, family["child"])[0]
    with pytest.raises(Malformed, match="two years at most"):
        world.waive(family["child"], found, world.time + 732 * DAY)


def test_a_waiver_issued_in_the_far_future_ends_two_years_after_it_was_logged(world: World, family) -> None:
    child, ahead = family["child"], world.time + 9_000 * DAY
    for one in conflicts(world, child):
        said = Waived(child, one.kind, one.origin, one.license, "kennel", "we asked", ahead + DAY)
        world.say(waiver.statement(said, ahead), world.home.keys("publisher"))
    until = world.time + waiver.LONGEST

    assert [one.until for one in judged(world, child).accepted] == [until]
    told = WaiverOut.of(judged(world, child).waivers[0], until - 1)
    assert (told.until, told.live) == (until, True)
    world.advance(waiver.LONGEST)
    assert judged(world, child).accepted == ()
    assert not WaiverOut.of(judged(world, child).waivers[0], world.time).live
    with pytest.raises(Contradicted):
        world.bind("kennel/tuned", child)
    world.check()


def test_what_is_unknown_or_to_be_reviewed_is_no_conflict_and_is_bound(world: World) -> None:
    world.publish(
        "publisher",
        claims.statement("c", "a" * 64, [claims.Claim("hf:acme/up", (), "cc-by-nc-4.0")], world.time),
    )
    child = world.artifact("hf:acme/up")
    world.license(child, "apache-2.0")
    assert judged(world, child).outcome == "unknown"
    world.bind("kennel/tuned", child)
    world.check()


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("declares"),
            st.integers(0, 2),
            st.sampled_from(["mit", "apache-2.0", "cc-by-nc-4.0", "gemma"]),
        ),
        st.tuples(st.just("waives"), st.booleans(), st.integers(0, 3), st.integers(1, 30)),
        st.tuples(st.just("waives"), st.booleans(), st.just(0), st.integers(5, 30)),
        st.tuples(st.just("binds"), st.booleans()),
        st.tuples(st.just("decides"), st.booleans()),
        st.tuples(st.just("ends"), st.integers(0, 12)),
        st.tuples(st.just("reopens")),
    ),
    min_size=6,
    max_size=14,
)


@dataclass
class Oracle:
    """Waivers, decisions and names, kept as plainly as can be: of the home and of a guest whose key may be ended."""

    guest: PrivateKey
    waivers: list[tuple[int, bool, tuple[str, str, str], int]] = field(default_factory=list)
    shut: bool = True
    ended: bool = False
    names: int = 0

    def accepts(self, guest: bool, found: list[Finding], now: int) -> bool:
        newest = {about: until for _, whose, about, until in self.waivers if whose == guest}
        return all(newest.get((one.kind, one.license, one.origin), now) > now for one in found)


@settings(max_examples=16, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_law_a_name_is_bound_just_if_whoever_owns_it_accepts_every_conflict_after_any_interleaving(
    steps,
) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        oracle = Oracle(world.join("anna", "publisher", namespaces=["guest"]))
        one, two = world.artifact(), world.artifact()
        child = world.artifact(one, two, relation="merge")
        for artifact, word in ((one, "cc-by-nc-4.0"), (two, "mit"), (child, "apache-2.0")):
            world.license(artifact, word)
        for step in steps:
            # Each statement has a time of its own: the same one again at the same time is the same statement.
            world.advance(1)
            take(world, oracle, (one, two, child), step)
            found = conflicts(world, child)
            told = {each.namespace for each in judged(world, child).accepted}
            assert told == {
                called
                for called, guest in (("kennel", False), ("guest", True))
                if found and oracle.accepts(guest, found, world.time)
            }
        world.check()
        world.home.store.close()


def take(world: World, oracle: Oracle, artifacts: tuple[str, str, str], step) -> None:
    child = artifacts[2]
    key = {True: oracle.guest, False: world.home.keys("publisher")}
    called = {True: "guest", False: "kennel"}
    match step:
        case ("declares", which, word):
            world.license(artifacts[which], word)
        case ("waives", guest, which, seconds) if not (guest and oracle.ended):
            for finding in conflicts(world, child)[which:]:
                world.waive(child, finding, world.time + seconds, namespace=called[guest], key=key[guest])
                about = (finding.kind, finding.license, finding.origin)
                oracle.waivers.append((world.time, guest, about, world.time + seconds))
        case ("binds", guest) if not (guest and oracle.ended):
            allowed = not oracle.shut or oracle.accepts(guest, conflicts(world, child), world.time)
            oracle.names += 1
            size, bound = world.size(), f"{called[guest]}/tuned-{oracle.names}"
            if allowed:
                world.bind(bound, child, key[guest])
                assert world.resolve(bound) == child
            else:
                with pytest.raises(Contradicted, match=bound):
                    world.bind(bound, child, key[guest])
                assert world.size() == size
        case ("decides", shut) if shut != oracle.shut:
            world.decide(shut=shut)
            oracle.shut = shut
        case ("ends", back) if not oracle.ended:
            world.end(oracle.guest, world.time - back)
            oracle.ended = True
            oracle.waivers = [one for one in oracle.waivers if not one[1] or one[0] <= world.time - back]
        case ("reopens",):
            world.reopen()
        case _:
            pass
