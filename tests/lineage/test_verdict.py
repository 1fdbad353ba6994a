"""Verdict: one value with everything to say about an artifact, and nothing called clean that is not known."""

import dataclasses

import pytest
from voting import vote

from lineage.around import Around, Build, Edge, Incident, Node, Said, Tally
from lineage.checks import Attested, Evaluated
from lineage.facts import Evidence
from lineage.predicates.rebuild import verifier
from lineage.rebuilds import Reproduced
from lineage.standing import Affected, Clean, Unknown
from lineage.status import Policy
from lineage.terms import Borne, ways
from lineage.verdict import assess
from signing.errors import Refused

EDGES = (
    Edge("merged", "tuned", "merge", '{"role":"parent"}', Evidence.SIGNED, "1"),
    Edge("merged", "base", "merge", '{"role":"base"}', Evidence.SIGNED, "1"),
    Edge("tuned", "base", "finetune", "{}", Evidence.SIGNED, "2"),
)
NODES = (
    Node("merged", seen=True, files=3, names=("acme/merged",), licenses=("mit", "apache-2.0")),
    Node("tuned", seen=True, files=2, licenses=("apache-2.0",)),
    Node("base", seen=True, files=1),
)
AROUND = Around(
    "merged",
    9,
    NODES,
    EDGES,
    rebuilds=Tally(
        (Build("merged", "1", frozenset({"fab"})), Build("tuned", "2", frozenset({"fab"}))),
        (vote("ann", 1, artifact="merged"), vote("bob", 2, artifact="tuned", build="2", differs=("t",))),
        "reg",
    ),
)
INCIDENT = Incident("i", ("base",), "compromised", "low", "confirmed", "s", "c")


def changed(**changes):
    return assess(dataclasses.replace(AROUND, **changes), Policy(7))


def test_a_verdict_says_everything_about_a_merge():
    found = assess(AROUND, Policy(7))

    assert (found.artifact, found.names, found.files) == ("merged", ("acme/merged",), 3)
    assert found.license == "mit"
    assert ways(found.terms.own) == {Borne("mit", settled=True): ("merged",)}
    assert ways(found.terms.inherited) == {
        Borne("apache-2.0", settled=True): ("tuned", "merged"),
        Borne("missing", settled=False): ("base", "merged"),
    }
    assert found.standing == Clean()
    assert [(one.parent, one.evidence.name) for one in found.parents] == [
        ("tuned", "REPRODUCED"),
        ("base", "REPRODUCED"),
    ]
    assert found.rebuilds == (("1", Reproduced((verifier("ann"),))),)
    assert (found.as_of, found.judged, found.complete) == (9, 7, True)


def test_t30_what_was_measured_on_a_parent_or_said_of_it_is_not_said_of_the_merge():
    said = {
        which: (
            Said(Evaluated(which, "PASSED", "5" * 64, "h", "acc", "1", 1, None), ("ann",), 5, which),
            Said(Attested(which, "urn:x", "6" * 64), ("ann",), 5, which),
        )
        for which in ("merged", "tuned", "base")
    }
    evaluations, attestations = zip(*said.values(), strict=True)

    found = changed(evaluations=evaluations, attestations=attestations)
    assert (found.evaluations, found.attestations) == (evaluations[:1], attestations[:1])
    assert found.evaluated == "1"
    assert changed(evaluations=evaluations[1:]).evaluated == "never since merge"
    assert changed(artifact="tuned", evaluations=evaluations[2:]).evaluated == "never"


def test_an_incident_on_the_base_reaches_the_merge():
    found = changed(incidents=(INCIDENT,)).standing

    assert isinstance(found, Affected)
    assert found.via == ("base", "merged")


def test_an_ancestor_that_was_never_seen_is_unknown():
    stub = dataclasses.replace(NODES[2], seen=False)

    assert changed(nodes=(*NODES[:2], stub)).standing == Unknown(("base",))
    assert changed(nodes=(*NODES[:2], stub)).complete


def test_an_ancestor_that_the_slice_names_and_does_not_hold_is_unknown():
    found = changed(nodes=NODES[:2])

    assert (found.standing, found.complete) == (Unknown(("base",)), False)


def test_a_slice_that_was_cut_is_never_clean():
    assert changed(complete=False).standing == Unknown(())
    assert isinstance(changed(complete=False, incidents=(INCIDENT,)).standing, Affected)


def test_a_slice_holds_what_it_is_about():
    with pytest.raises(Refused, match="around merged does not hold it"):
        changed(nodes=NODES[1:])


def test_an_artifact_alone_has_no_parents():
    found = assess(Around("x", 1, (Node("x", seen=True, files=1),), ()), Policy(7))

    assert (found.license, found.terms.inherited, found.parents, found.rebuilds) == (None, {}, (), ())
    assert found.standing == Clean()
