"""The algebra of terms: what a child bears follows from its parents, in any order, by whatever paths."""

import tracemalloc
from itertools import combinations_with_replacement

import pytest
from declaring import Dag, around, chain, dags
from hypothesis import given
from hypothesis import strategies as st
from strategies import LAW

from lineage.around import Edge, Node
from lineage.declared import Ambiguous, Resolved, Unresolved
from lineage.facts import RELATIONS, WEIGHTLESS, Evidence
from lineage.licenses import COMMERCIAL, FLOW_DOWN, UNKNOWN, discovered
from lineage.terms import (
    Borne,
    Effective,
    carried,
    effective,
    least,
    own,
    passed,
    said_of,
    slice_terms,
    union,
    ways,
)
from signing.errors import Refused

LICENSES = sorted(discovered())
PAIRS = list(combinations_with_replacement(LICENSES, 2))


def parent(artifact: str, *licenses: str) -> Effective:
    return Effective(own(artifact, Resolved(licenses)), {})


@pytest.mark.parametrize("relation", RELATIONS)
def test_law_of_every_pair_of_licenses_as_parents(relation: str) -> None:
    for one, other in PAIRS:
        first, second = parent("a", one), parent("b", other)
        said = Resolved(("mit",))

        both = effective("c", said, [(relation, first), (relation, second)])

        turned = [(relation, second), (relation, first)]
        assert told(both) == told(effective("c", said, turned))
        assert told(both) == told(effective("c", said, [*turned, (relation, second)]))
        alone = effective("c", said, [(relation, first)])
        assert alone.inherited.keys() <= both.inherited.keys()
        assert alone.licenses <= both.licenses
        assert COMMERCIAL.index(both.commercial) <= COMMERCIAL.index(alone.commercial)
        assert FLOW_DOWN.index(both.flow_down) >= FLOW_DOWN.index(alone.flow_down)
        for kind in ("mau", "revenue"):
            lower, bound = both.threshold(kind), alone.threshold(kind)
            assert bound is None or (lower is not None and lower <= bound)
        assert all(way[-1] == "c" and way[0] in {"a", "b"} for way in ways(both.inherited).values())


def told(terms: Effective) -> tuple[dict, dict]:
    return ways(terms.own), ways(terms.inherited)


def by_all_paths(dag: Dag) -> dict[Borne, tuple[str, ...]]:
    """Return what reaches `m0` from above, path by path: what the algebra must come to without walking any."""
    declares, edges = dag
    found: dict[Borne, list[tuple[str, ...]]] = {}

    def walk(here: str, path: tuple[str, ...], relations: tuple[str, ...]) -> None:
        said = said_of(Node(here, seen=True, licenses=() if declares[here] is None else (declares[here],)))
        for license_id in said.licenses if relations else ():
            carries = [carried(license_id, one) for one in relations]
            if "no" not in carries:
                settled = isinstance(said, Resolved) and "unsettled" not in carries
                found.setdefault(Borne(license_id, settled), []).append(path)
        for child, above, relation in edges:
            if child == here:
                walk(above, (above, *path), (*relations, relation))

    walk("m0", ("m0",), ())
    return {borne: min(paths, key=lambda path: (len(path), path[::-1])) for borne, paths in found.items()}


@LAW
@given(dags())
def test_law_parents_alone_come_to_what_all_paths_come_to_with_the_same_ways(dag: Dag) -> None:
    slice_ = around(dag)
    found = slice_terms(slice_.nodes, slice_.edges)["m0"]

    assert ways(found.inherited) == by_all_paths(dag)


@LAW
@given(dags(), st.randoms(use_true_random=False))
def test_law_the_order_of_nodes_and_edges_and_edges_said_twice_change_nothing(dag: Dag, random) -> None:
    slice_ = around(dag)
    nodes, edges = list(slice_.nodes), [*slice_.edges, *slice_.edges]
    random.shuffle(nodes)
    random.shuffle(edges)

    shuffled, before = slice_terms(nodes, edges), slice_terms(slice_.nodes, slice_.edges)
    assert {one: told(terms) for one, terms in shuffled.items()} == {
        one: told(terms) for one, terms in before.items()
    }


@LAW
@given(dags(), st.data())
def test_law_an_edge_more_takes_nothing_away(dag: Dag, data) -> None:
    slice_ = around(dag)
    fewer = [one for one in slice_.edges if data.draw(st.booleans())]
    before, after = slice_terms(slice_.nodes, fewer), slice_terms(slice_.nodes, slice_.edges)

    for one, terms in before.items():
        assert terms.all.keys() <= after[one].all.keys()
        assert COMMERCIAL.index(after[one].commercial) <= COMMERCIAL.index(terms.commercial)


def test_union_is_idempotent_commutative_and_associative() -> None:
    one, other = parent("a", "mit", "gpl-3.0").own, parent("b", "mit").own
    third = passed(one, "finetune", "b")

    assert ways(union(one, one)) == ways(one)
    assert ways(union(one, other)) == ways(union(other, one))
    assert ways(union(union(one, other), third)) == ways(union(one, union(other, third)))
    assert ways(union(one, other))[Borne("mit", settled=True)] == ("a",)


@pytest.mark.parametrize("license_id", LICENSES)
@pytest.mark.parametrize("relation", RELATIONS)
def test_a_relation_carries_a_license_by_its_scope(license_id: str, relation: str) -> None:
    scope, found = discovered()[license_id].scope, carried(license_id, relation)

    if license_id in UNKNOWN:
        assert found == "yes"
    elif relation in {"distill", "synthetic"}:
        assert found == ("yes" if "outputs_train" in scope else "no")
    elif relation == "adapter_of":
        assert found == ("yes" if "adapter" in scope else "unsettled")
    else:
        assert found == "yes", "weights, or a tokenizer, of a work carry its license"
    assert relation in WEIGHTLESS or found != "no"


def test_an_adapter_of_what_says_nothing_of_adapters_is_neither_bound_nor_free() -> None:
    slice_ = chain("mit", "cc-by-nc-4.0", relations=["adapter_of"])
    found = slice_terms(slice_.nodes, slice_.edges)["m0"].inherited

    assert ways(found) == {Borne("cc-by-nc-4.0", settled=False): ("m1", "m0")}


def test_what_trained_on_outputs_stays_bound_below() -> None:
    slice_ = chain("mit", "mit", "gemma", relations=["finetune", "distill"])
    free = chain("mit", "mit", "cc-by-nc-4.0", relations=["finetune", "distill"])

    assert Borne("gemma", settled=True) in slice_terms(slice_.nodes, slice_.edges)["m0"].inherited
    assert slice_terms(free.nodes, free.edges)["m0"].licenses == {"mit"}


@pytest.mark.parametrize(
    ("allowed", "together"),
    [
        ((), "unknown"),
        (("yes", "yes"), "yes"),
        (("yes", "conditional"), "conditional"),
        (("conditional", "unknown"), "unknown"),
        (("unknown", "no"), "no"),
    ],
)
def test_the_least_is_what_holds_and_unknown_yields_to_no_alone(allowed, together) -> None:
    assert least(allowed) == together == least(allowed[::-1])


def test_a_license_that_is_declared_again_keeps_the_way_from_above() -> None:
    slice_ = chain("llama3", "llama3", "llama3")
    found = slice_terms(slice_.nodes, slice_.edges)["m0"]

    borne = Borne("llama3", settled=True)
    assert told(found) == ({borne: ("m0",)}, {borne: ("m1", "m0")})
    assert ways(found.all) == ways(found.inherited)


def test_views_of_what_is_known_in_part_are_lower_bounds() -> None:
    slice_ = chain("llama3", None)
    found = slice_terms(slice_.nodes, slice_.edges)["m0"]

    assert (found.commercial, found.flow_down, found.complete) == ("unknown", "terms", False)
    assert (found.threshold("mau"), found.threshold("revenue")) == (700_000_000, None)


def test_an_ancestor_that_is_named_and_not_there_is_unknown() -> None:
    edges = (Edge("m0", "hf:a/b", "finetune", "{}", Evidence.CLAIMED, "1"),)
    found = slice_terms((Node("m0", seen=True, licenses=("mit",)),), edges)["m0"]

    assert ways(found.inherited) == {Borne("unknown", settled=False): ("hf:a/b", "m0")}


def test_a_cycle_is_refused_by_name() -> None:
    edges = [Edge(*pair, "finetune", "{}", Evidence.SIGNED, "1") for pair in (("a", "b"), ("b", "a"))]
    with pytest.raises(Refused, match="descend from each other: a, b"):
        slice_terms((Node("a", seen=True), Node("b", seen=True)), edges)


def test_a_chain_deeper_than_the_stack_is_followed() -> None:
    slice_ = chain("mit", *["apache-2.0"] * 3000)
    found = slice_terms(slice_.nodes, slice_.edges)["m0"]

    assert ways(found.inherited) == {Borne("apache-2.0", settled=True): ("m1", "m0")}


def test_a_deep_lineage_holds_its_steps_once() -> None:
    words = ["mit", *["apache-2.0"] * 400, *sorted(set(discovered()) - set(UNKNOWN))]
    slice_ = chain(*words)

    tracemalloc.start()
    found = slice_terms(slice_.nodes, slice_.edges)["m0"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert len(found.inherited) == len(discovered()) - len(UNKNOWN)
    assert max(map(len, ways(found.inherited).values())) == len(words)
    # A copy of every way at every step takes ten times as much.
    assert peak < 16 << 20


def test_of_ways_that_are_as_long_the_first_from_below_is_shown() -> None:
    edges = [("m0", "a"), ("m0", "b"), ("a", "z"), ("b", "y")]
    nodes = [Node(one, seen=True, licenses=("mit",) if one in "yz" else ("isc",)) for one in ("m0", *"abyz")]
    slice_ = [Edge(child, above, "merge", "{}", Evidence.SIGNED, "1") for child, above in edges]

    for order in (slice_, slice_[::-1]):
        found = ways(slice_terms(nodes, order)["m0"].inherited)
        assert found[Borne("mit", settled=True)] == ("z", "a", "m0")


def test_what_a_declaration_leaves_open_is_unsettled() -> None:
    said = Ambiguous(("mit", "gpl-3.0"), "lists both")

    assert ways(own("a", said)) == {
        Borne("mit", settled=False): ("a",),
        Borne("gpl-3.0", settled=False): ("a",),
    }
    assert ways(own("a", Unresolved("other", "says so"))) == {Borne("other", settled=False): ("a",)}


def test_what_others_claim_of_a_stub_is_held_against_its_children_and_settles_nothing() -> None:
    stub = Node("hf:a/b", seen=False, claimed=("cc-by-nc-4.0", "mit"))
    child = Node("sha256:" + "c" * 64, seen=True, licenses=("apache-2.0",))
    edge = Edge(child.id, stub.id, "finetune", "{}", Evidence.CLAIMED, "e" * 64)

    terms = slice_terms([stub, child], [edge])[child.id]

    assert {one.license for one in terms.inherited} == {"cc-by-nc-4.0", "mit", "unknown"}
    assert not any(one.settled for one in terms.inherited)
    assert not terms.complete


def test_what_a_publisher_declares_is_not_set_aside_by_a_claim() -> None:
    node = Node("sha256:" + "c" * 64, seen=True, licenses=("mit",), claimed=("cc-by-nc-4.0",))
    assert said_of(node) == Resolved(("mit",))
