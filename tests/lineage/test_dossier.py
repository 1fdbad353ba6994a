"""Dossier: counts and lists that add up, what is unknown by itself, and what changed since an earlier size."""

from dataclasses import replace

from lineage.around import Around, Edge, Incident, Node, Said
from lineage.checks import Evaluated
from lineage.dossier import dossier
from lineage.facts import Evidence
from lineage.subjects import AsOf, Logged, Pedigree, pedigree

AT = AsOf("log", 9, 1000)
BAD = Incident("i1", ("a",), "compromised", "high", "confirmed", "bad", "vet")
FOUND = Said(Evaluated("b", "PASSED", "5" * 64, "harness", "accuracy", "0.5", 10, None), ("vet",), 7, "e9")
ABOVE = Around(
    "b",
    9,
    (
        Node("b", seen=True, names=("acme/b",), licenses=("mit",)),
        Node("a", seen=True),
        Node("hf:x/y", seen=False),
    ),
    (
        Edge("b", "a", "merge", "{}", Evidence.SIGNED, "e1"),
        Edge("a", "hf:x/y", "finetune", "{}", Evidence.CLAIMED, "e2"),
    ),
    (BAD,),
    evaluations=(FOUND,),
)
BELOW = Around(
    "b",
    9,
    (ABOVE.nodes[0], Node("c", seen=True, licenses=("mit",)), Node("d", seen=True, licenses=("apache-2.0",))),
    (
        Edge("c", "b", "merge", "{}", Evidence.SIGNED, "e3"),
        Edge("d", "b", "quantize", "{}", Evidence.SIGNED, "e3"),
    ),
)
WHO = {"e1": ("kennel",), "e2": (), "e3": ("kennel", "vet")}


def subject(above: Around = ABOVE, below: Around = BELOW, at: AsOf = AT) -> Pedigree:
    reached = {one.id: above.incidents for one in (*above.nodes, *below.nodes) if one.id != "hf:x/y"}
    return pedigree(at, above, below, "both", {}, {"b": Logged("e1", 1)}, reached)


def test_edges_and_relatives_are_counted_and_the_unknown_stand_by_themselves():
    found = dossier(subject(), WHO)

    assert found["edges"] == [
        {"relation": "finetune", "evidence": "claimed", "edges": 1},
        {"relation": "merge", "evidence": "signed", "edges": 2},
        {"relation": "quantize", "evidence": "signed", "edges": 1},
    ]
    assert found["ancestors"] == {
        "known": 1,
        "unknown": ["hf:x/y"],
        "licenses": [{"license": None, "artifacts": 2}],
    }
    assert found["descendants"]["licenses"] == [
        {"license": "apache-2.0", "artifacts": 1},
        {"license": "mit", "artifacts": 1},
    ]
    assert found["standing"] == {"state": "affected", "missing": ["hf:x/y"]}
    assert (found["license"], found["evaluated"], found["as_of"]) == ("mit", "1", 9)
    assert found["evaluations"][0]["value"] == "0.5"
    assert found["changed"] is None


def test_every_edge_says_whose_word_it_is():
    found = dossier(subject(), WHO)

    assert {(one["child"], one["parent"]): one["operators"] for one in found["responsible"]} == {
        ("b", "a"): ["kennel"],
        ("a", "hf:x/y"): [],
        ("c", "b"): ["kennel", "vet"],
        ("d", "b"): ["kennel", "vet"],
    }


def test_an_incident_says_how_many_it_reaches_and_whether_the_artifact_is_among_them():
    elsewhere = replace(BAD, id="i2", artifacts=("c",))
    one = subject()
    one = replace(one, incidents={**one.incidents, "c": (BAD, elsewhere)})

    found = dossier(one, WHO)["incidents"]

    assert [(one["incident"], one["reaches"], one["reaches_it"]) for one in found] == [
        ("i1", 4, True),
        ("i2", 1, False),
    ]


def test_standings_are_told_in_every_case():
    fine = replace(ABOVE, nodes=ABOVE.nodes[:2], edges=ABOVE.edges[:1], incidents=())

    assert dossier(subject(fine), WHO)["standing"] == {"state": "clean", "missing": []}
    open_ended = replace(ABOVE, incidents=())
    assert dossier(subject(open_ended), WHO)["standing"] == {"state": "unknown", "missing": ["hf:x/y"]}


def test_what_changed_since_an_earlier_size_is_told_both_ways():
    edges = (replace(ABOVE.edges[0], evidence=Evidence.REPRODUCED), ABOVE.edges[1])
    now = subject(replace(ABOVE, edges=edges))
    gone = Around("b", 5, (*BELOW.nodes[:2], Node("z", seen=True)), BELOW.edges[:1])
    other = replace(BAD, id="i0")
    before = subject(replace(ABOVE, incidents=(other,), evaluations=()), gone, AsOf("log", 5, 500))

    changed = dossier(now, WHO, before)["changed"]

    assert changed == {
        "since": 5,
        "standing": {
            "before": {"state": "affected", "missing": ["hf:x/y"]},
            "now": {"state": "affected", "missing": ["hf:x/y"]},
        },
        "came": ["d"],
        "went": ["z"],
        "incidents_came": ["i1"],
        "incidents_went": ["i0"],
        "evaluations_came": ["e9"],
        "evidence": [{"child": "b", "parent": "a", "entry": "e1", "before": "signed", "now": "reproduced"}],
    }
