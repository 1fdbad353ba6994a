"""A simulation says what happens when it is done for real, and changes nothing."""

import re
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World

from lineage.facts import MAKINGS
from lineage.incidents import KINDS
from lineage.standing import carries
from registry.found import FindingOut
from registry.licensed import LicenseOut, UseOut
from registry.local import Local
from registry.simulated import MOST
from registry.store import Absent
from registry.work import simulation
from signing.digest import sha256_hex
from signing.errors import Malformed

SHAPES = st.lists(
    st.tuples(st.lists(st.integers(0, 30), max_size=3), st.sampled_from(MAKINGS)), min_size=2, max_size=9
)
TERMS = ("mit", "apache-2.0", "llama3", "cc-by-nc-4.0", "gpl-3.0", "odd words")


def held(world: World) -> dict[str, str]:
    """Every file of a home by its digest, but for what SQLite keeps beside the database."""
    return {
        path.name: sha256_hex(path.read_bytes())
        for path in sorted(Path(world.home.path).rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


def grown(world: World, shapes) -> list[str]:
    made: list[str] = []
    for parents, relation in shapes:
        named = list(dict.fromkeys(made[one % len(made)] for one in parents)) if made else []
        made.append(world.artifact(*named, relation=relation))
    return made


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(shapes=SHAPES, kind=st.sampled_from(KINDS), place=st.integers(0, 30), before=st.booleans())
def test_law_what_would_be_flagged_is_what_a_report_flags(shapes, kind, place, before) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        made = grown(world, shapes)
        subject = made[place % len(made)]
        if before:
            world.report(made[-1], "privacy")
        found = simulation.report(world.home, subject, kind)

        affected = {
            one
            for one in made
            if Local(world.home.store, world.home.now).verdict(one).standing.state == "affected"
        }
        below = world.descendants(subject) | {subject}
        world.advance(1)
        flagged = world.flagged(world.report(subject, kind))

        assert {one.artifact for one in found.first} == flagged
        assert {one.artifact for one in found.first if one.fresh} == flagged - affected
        assert (found.flagged, found.fresh, found.spared) == (
            len(flagged),
            len(flagged - affected),
            len(below - flagged),
        )
        graph = nx.DiGraph()
        graph.add_node(subject)
        for child in below:
            edges = Local(world.home.store, world.home.now).verdict(child).parents
            graph.add_edges_from((edge.parent, child) for edge in edges if carries(kind, edge.relation))
        steps = nx.single_source_shortest_path_length(graph, subject)
        assert {one.artifact: one.level for one in found.first} == steps
        assert found.levels == tuple(
            list(steps.values()).count(level) for level in range(max(steps.values()) + 1)
        )
        world.check()
        world.home.store.close()


def judged(world: World, artifact: str) -> LicenseOut:
    return Local(world.home.store, world.home.now).license(artifact, UseOut())


def undated(findings: Iterable[FindingOut]) -> set[FindingOut]:
    """Leave out by which entries licenses were declared: what is only simulated is in none."""
    return {
        one.model_copy(update={"sentence": re.sub(r" \(entry [^)]* UTC\)", "", one.sentence)})
        for one in findings
    }


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    shapes=SHAPES,
    terms=st.lists(st.sampled_from(TERMS[:5]), min_size=9, max_size=9),
    new=st.sampled_from(TERMS[:5]),
)
def test_law_what_would_hold_is_what_holds_once_it_is_declared(shapes, terms, new) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        made = grown(world, shapes)
        for one, license_id in zip(made, terms, strict=False):
            world.license(one, license_id)
        subject = made[0]
        below = sorted(world.descendants(subject) | {subject})
        before = {one: judged(world, one) for one in below}

        found = simulation.license(world.home.store, subject, new)
        world.advance(1)
        world.license(subject, new)

        told, changed = {one.artifact: one for one in found.first}, 0
        for one in below:
            now = judged(world, one)
            holds = {(term.license, term.settled) for term in now.terms}
            held_ = {(term.license, term.settled) for term in before[one].terms}
            changed += holds != held_
            if one not in told:
                assert (holds, now.outcome, now.findings) == (
                    held_,
                    before[one].outcome,
                    before[one].findings,
                )
                continue
            assert {(term.license, term.settled) for term in told[one].came} == holds - held_
            assert {(term.license, term.settled) for term in told[one].went} == held_ - holds
            assert (told[one].before, told[one].after) == (before[one].outcome, now.outcome)
            came = set(now.findings) - set(before[one].findings)
            assert undated(told[one].findings_came) == undated(came)
            went = set(before[one].findings) - set(now.findings)
            assert undated(told[one].findings_went) == undated(went)
        assert (found.concerned, found.changed, sum(found.levels)) == (len(below), changed, changed)
        assert (found.declared, found.license, found.judged) == (terms[0], new, len(below))
        world.check()
        world.home.store.close()


@pytest.mark.sqlite
def test_nothing_is_written(world: World) -> None:
    base = world.model(license="mit")
    merged = world.merge("linear", world.model(base), world.model(base))
    world.report(base, "privacy", stage="reported")
    with world.home.store.reading() as connection:
        dump = list(connection.connection.driver_connection.iterdump())
    before, logged = held(world), world.logged()

    simulation.report(world.home, base, "data-poisoned")
    simulation.license(world.home.store, base, "llama3")

    with world.home.store.reading() as connection:
        assert list(connection.connection.driver_connection.iterdump()) == dump
    assert (held(world), world.logged()) == (before, logged)
    assert judged(world, merged).terms
    world.check()


def test_all_are_counted_and_the_nearest_named(world: World) -> None:
    base = world.artifact()
    world.license(base, "mit")
    for _ in range(MOST + 3):
        world.artifact(base)
    world.artifact(base, relation="tokenizer")

    found = simulation.report(world.home, base, "compromised")
    assert (found.flagged, found.spared, len(found.first), found.levels) == (MOST + 4, 1, MOST, (1, MOST + 3))
    terms = simulation.license(world.home.store, base, "llama3")
    assert (terms.concerned, terms.changed, terms.judged, len(terms.first)) == (
        MOST + 5,
        MOST + 5,
        MOST,
        MOST,
    )
    cut = simulation.report(world.home, base, "compromised", most=5)
    assert (cut.flagged, cut.complete) == (5, False)
    assert not simulation.license(world.home.store, base, "llama3", most=5).complete


def test_what_could_not_be_said_is_refused_as_it_would_be(world: World) -> None:
    child = world.artifact("hf:acme/base")
    store, nobody = world.home.store, f"sha256:{'0' * 64}"

    for artifact in ("hf:acme/other", nobody):
        with pytest.raises(Absent):
            simulation.report(world.home, artifact, "privacy")
    for artifact, error in (("hf:acme/base", Malformed), (nobody, Absent)):
        with pytest.raises(error):
            simulation.license(store, artifact, "mit")
    found = simulation.report(world.home, "hf:acme/base", "privacy")
    assert [one.artifact for one in found.first] == ["hf:acme/base", child]
    with pytest.raises(Malformed, match="mit & more"):
        simulation.license(store, nobody, "mit & more")


def test_what_is_affected_already_is_not_counted_as_fresh_until_that_is_retracted(world: World) -> None:
    base = world.artifact()
    tuned = world.artifact(base)
    incident = world.report(tuned, "privacy")

    found = simulation.report(world.home, base, "compromised")
    assert {one.artifact: one.fresh for one in found.first} == {base: True, tuned: False}
    world.retract(incident)
    assert simulation.report(world.home, base, "compromised").fresh == 2


def test_what_is_found_either_way_does_not_change(world: World) -> None:
    base = world.artifact()
    world.license(base, "cc-by-nc-4.0")
    tuned = world.artifact(base)
    world.license(tuned, "mit")
    assert judged(world, tuned).findings

    found = simulation.license(world.home.store, base, "cc-by-nc-4.0")

    assert (found.changed, found.judged, found.first) == (0, 2, ())
