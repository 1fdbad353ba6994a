"""An incident on a range of names reaches what was ever bound there, and says what an order keeps it from telling."""

from collections import defaultdict

import pytest
from exported import reached
from exported import told as pedigree_of
from world import World

from lineage.dossier import dossier
from lineage.predicates import claims, incident, name
from lineage.predicates.claims import Claim, Parent
from lineage.residue import REMOVED
from lineage.standing import Affected, Clean, Unknown
from lineage.subjects import Reach
from registry import exports, feed
from registry.local import Local
from registry.store import changes, flagging, subjects
from registry.work import evidence, owners
from registry.work.history import history
from registry.work.reach import reach
from signing.errors import Malformed


def bind(world: World, artifact: str, called: str) -> str:
    world.advance(1)
    return world.publish("publisher", name.statement(artifact, called, None, world.time))[0].entry


def told(world: World, incident_id: str) -> tuple[set[str], int]:
    with world.home.store.reading() as connection:
        (found,) = flagging.incidents(connection, incident_id)
    return set(found.artifacts), found.removed


def test_a_namespace_is_reported_with_all_that_its_names_ever_meant_and_will(world: World) -> None:
    first, second, other = world.model(), world.model(), world.model(name="acme/other")
    bind(world, first, "Kennel/model")
    bind(world, second, "Kennel/model")
    tuned = world.model(first)

    reported = world.report(None, "compromised", names=["kennel/*"])

    assert told(world, reported) == ({first, second}, 0)
    assert world.flagged(reported) == {first, second, tuned}
    assert world.standing(other) == Clean()
    later = world.model(other, name="kennel/later")
    assert world.flagged(reported) == {first, second, tuned, later}
    assert world.standing(later).via == (later,)
    bind(world, later, "acme/moved")
    assert later in world.flagged(reported), "a name that moves on leaves behind what it meant"
    world.check()


@pytest.mark.parametrize(
    ("pattern", "bad"),
    [
        ("kennel/merge-*", {"kennel/merge-1", "kennel/merge-2"}),
        ("kennel/one", {"kennel/one"}),
        ("kennel/o*", {"kennel/one"}),
    ],
)
def test_a_prefix_or_one_name_is_reported(world: World, pattern: str, bad: set[str]) -> None:
    bound = {
        called: world.artifact()
        for called in ("kennel/merge-1", "kennel/merge-2", "kennel/mergex", "kennel/one")
    }
    for called, artifact in list(bound.items())[:2]:
        bind(world, artifact, called)
    reported = world.report(None, "privacy", names=[pattern])
    for called, artifact in list(bound.items())[2:]:
        bind(world, artifact, called)
    assert world.flagged(reported) == {bound[one] for one in bad}
    world.check()


def test_stubs_of_an_owner_are_reported_before_and_after_anything_names_them(world: World) -> None:
    known = world.model("hf:acme/base")
    reported = world.report(None, "data-poisoned", names=["hf:acme/*"])
    pinned = f"hf:acme/base@{'0f' * 20}"
    later, spared = world.model(pinned), world.model("hf:acmeo/base")
    said = Claim("hf:acme/tuned", (Parent("hf:other/base", "finetune"),))
    world.publish("publisher", claims.statement("cards.jsonl", "a" * 64, [said], world.time))

    assert world.flagged(reported) == {"hf:acme/base", known, pinned, later, "hf:acme/tuned"}
    assert isinstance(world.standing(spared), Unknown)
    one = world.report(None, "privacy", names=["hf:acme/base"])
    assert told(world, one)[0] == {"hf:acme/base", pinned}, "a stub is meant at whatever commit"
    world.check()


def test_a_stub_that_a_thief_named_first_is_selected_by_whoever_names_it_besides(world: World) -> None:
    thief = world.join("eve", "publisher")
    world.advance(1)
    world.artifact("hf:acme/base", key=thief)
    honest = world.artifact("hf:acme/base")
    reported = world.report(None, "compromised", names=["hf:acme/*"])
    world.end(thief, world.time - 1)
    assert world.flagged(reported) == {"hf:acme/base", honest}
    assert world.standing(honest).via == ("hf:acme/base", honest)
    world.check()


def test_a_binding_by_a_stolen_key_selects_nothing_once_that_is_ended(world: World) -> None:
    thief = world.join("eve", "publisher")
    world.advance(1)
    victim = world.artifact()
    world.say(name.statement(victim, "evil/one", None, 1), thief)
    reported = world.report(None, "compromised", names=["evil/*"])
    then = world.size()
    assert world.flagged(reported) == {victim}
    world.end(thief, world.time - 1)
    assert (world.flagged(reported), world.standing(victim)) == (set(), Clean())
    assert isinstance(world.standing(victim, size=then), Affected)
    world.check()


def test_what_rests_on_a_redacted_binding_falls_and_the_incident_says_that_it_cannot_tell(
    world: World,
) -> None:
    bad, other = world.model(), world.model()
    tuned = world.model(bad)
    bind(world, other, "kennel/other")
    entry = bind(world, bad, "kennel/bad")
    reported = world.report(None, "compromised", names=["kennel/*"])
    assert world.flagged(reported) == {bad, tuned, other}
    before = world.size()
    below = world.model(other)

    world.redact(entry)

    assert world.flagged(reported) == {other, below}
    assert told(world, reported) == ({other}, 1)
    with world.home.store.reading() as connection:
        then = [flagging.flags(connection, [other, below], size) for size in (before - 1, before, None)]
    reaching = [[len(found[one]) for one in (other, below)] for found in then]
    assert reaching == [[0, 0], [1, 0], [1, 1]], "each flag is set since there is a way"
    for size in (None, before):
        assert world.standing(bad, size=size) == world.standing(tuned, size=size) == Unknown(missing=())
    local = Local(world.home.store, lambda: world.time)
    verdict = local.verdict(tuned)
    assert [(one.id, one.removed) for one in verdict.doubts] == [(reported, 1)]
    assert local.descendants(bad).doubts == verdict.doubts
    assert reach(world.home, other, "ancestors", 9, None, named=False).doubts == ()
    assert reach(world.home, bad, "descendants", 9, None, named=False).doubts == verdict.doubts
    found = owners.owners(world.home, reported)
    assert (found.complete, found.incident.removed) == (False, 1)
    assert not reached(world, reported).complete
    newer = world.model()
    assert world.standing(newer) == Clean(), "what was registered later was not bound then"
    assert isinstance(world.standing(world.model(bad)), Unknown)
    world.retract(reported)
    assert world.standing(tuned) == Clean()
    world.check()


def test_a_binding_that_was_redacted_before_the_report_is_counted_where_its_namespace_may_be_the_one(
    world: World,
) -> None:
    mine, theirs = world.model(), world.model()
    bind(world, theirs, "acme/kept")
    gone = [bind(world, mine, "kennel/gone"), bind(world, theirs, "acme/gone")]
    for entry in gone:
        world.redact(entry)
    counts = {}
    for pattern in ("kennel/*", "acme/gone", "litter/*", "hf:acme/*"):
        counts[pattern] = told(world, world.report(None, "privacy", names=[pattern]))[1]
    # Nothing is left that says which namespace the first one was in, but that it was not acme.
    assert counts == {"kennel/*": 1, "acme/gone": 2, "litter/*": 1, "hf:acme/*": 0}
    world.check()


def test_what_is_said_of_an_artifact_is_incomplete_where_an_incident_is_in_doubt(world: World) -> None:
    bad = world.model()
    tuned, other = world.model(bad), world.model()
    entry = bind(world, bad, "kennel/bad")
    reported = world.report(None, "compromised", names=["kennel/*"])
    later = world.model()
    assert pedigree_of(world, tuned).complete

    world.redact(entry)

    found = {one: pedigree_of(world, one).complete for one in (bad, tuned, other, later)}
    assert found == {bad: False, tuned: False, other: False, later: True}
    said = dossier(pedigree_of(world, tuned, "ancestors"), defaultdict(tuple))
    assert (said["standing"], said["complete"]) == ({"state": "unknown", "missing": []}, False)
    assert [(one["incident"], one["removed"]) for one in said["doubts"]] == [(reported, 1)]


def test_a_namespace_that_is_heard_of_later_was_not_known_then(world: World) -> None:
    bound = world.model()
    world.redact(bind(world, bound, "acme/gone"))
    reported = world.report(None, "privacy", names=["litter/*"])
    then = world.size()
    assert (told(world, reported)[1], world.standing(bound)) == (1, Unknown(missing=()))

    bind(world, bound, "acme/kept")

    assert (told(world, reported)[1], world.standing(bound)) == (0, Clean())
    assert world.standing(bound, size=then) == Unknown(missing=())
    world.check()


def test_an_incident_that_loses_its_words_loses_its_ranges_and_says_so(world: World) -> None:
    bad, named = world.model(), world.model()
    bind(world, bad, "jane-doe/model")
    tuned = world.model(bad)
    reported = world.report(named, "compromised", names=["jane-doe/*", "hf:jane/*"])
    assert world.flagged(reported) == {bad, tuned, named}

    world.redact(reported)

    with world.home.store.reading() as connection:
        (found,) = flagging.incidents(connection, reported)
    assert (found.summary, found.selectors, found.removed) == (REMOVED, ("name:hf:jane/*",), 1)
    assert world.flagged(reported) == {named}
    assert world.standing(tuned) == Unknown(missing=())
    below = world.model("hf:jane/base")
    assert world.flagged(reported) == {named, "hf:jane/base", below}
    world.check()


def test_a_range_that_does_not_fit_its_subject_is_refused() -> None:
    said = incident.statement([], "privacy", "low", "reported", "x", contact="y", issued=1, names=["acme/*"])
    (subject,) = said.subjects
    assert subject.name == "name:acme/*"
    with pytest.raises(Malformed, match="is written in lower case"):
        incident.statement([], "privacy", "low", "reported", "x", contact="y", issued=1, names=["Acme/*"])


def test_an_incident_that_selects_nothing_has_owners_history_exports_and_a_place_in_the_feed(
    world: World,
) -> None:
    world.artifact()
    reported = world.report(None, "compromised", names=["zzz/*"])

    found = owners.owners(world.home, reported)
    assert (found.owners, found.unowned, found.complete) == ((), (), True)
    assert history(world.home, reported).flagged == 0
    assert reached(world, reported).nodes == ()
    assert all(one.text(reached(world, reported)) for one in exports.formats(Reach).values())
    with world.home.store.reading() as connection:
        told_of = changes.newest(connection, 1)
        said = feed.text(subjects.as_of(connection, world.size()), told_of, "http://here/")
    assert "It names nothing so far and selects by name:zzz/*." in said


def test_whoever_has_only_a_file_of_bundles_sees_what_it_shows(world: World) -> None:
    bad = world.model(name="kennel/bad")
    tuned = world.model(bad)
    reported = world.report(None, "compromised", names=["kennel/*"])
    lines = Local(world.home.store, lambda: world.time).bundle(tuned, ancestors=True)
    (found,) = evidence.read(lines, world.home.root()).incidents
    assert (found.incident.id, set(found.artifacts)) == (reported, {bad, tuned})
