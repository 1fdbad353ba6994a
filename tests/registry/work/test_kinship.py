"""Kinship as the log has it: on whatever is published, and in a story of merges."""

from pathlib import Path
from tempfile import TemporaryDirectory

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World

from lineage.facts import MAKINGS
from lineage.predicates import claims
from lineage.predicates import redaction as redaction_predicate
from lineage.predicates.claims import Claim, Parent
from registry.store import redaction
from registry.work.kinship import common, known, paths, roots
from signing.errors import Malformed

SHAPES = st.lists(
    st.tuples(st.lists(st.integers(0, 30), max_size=3), st.sampled_from(MAKINGS)), min_size=2, max_size=9
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(shapes=SHAPES)
def test_law_of_whatever_is_published_the_answers_are_those_of_networkx(shapes) -> None:
    with TemporaryDirectory() as folder:
        world, graph = World(Path(folder)), nx.DiGraph()
        made: list[str] = []
        for parents, relation in shapes:
            named = list(dict.fromkeys(made[one % len(made)] for one in parents)) if made else []
            made.append(world.artifact(*named, relation=relation))
            graph.add_node(made[-1])
            graph.add_edges_from((parent, made[-1]) for parent in named)
        store = world.home.store
        first, last = made[0], made[-1]

        found = paths(store, first, last)
        assert int(found.count) == len(list(nx.all_simple_paths(graph, first, last)))
        assert roots(store, last).itself == (not graph.in_degree(last))
        above = nx.ancestors(graph, last)
        assert {one.artifact for one in roots(store, last).roots} == {
            one for one in above if not graph.in_degree(one)
        }
        pair = common(store, made[-2:])
        both = set.intersection(*(nx.ancestors(graph, one) | {one} for one in made[-2:]))
        assert {one.artifact: one.nearest for one in pair.ancestors} == {
            one: not nx.descendants(graph, one) & both for one in both
        }
        told = known(store, last)
        assert (told.ancestors, told.registered, told.missing) == (len(above), len(above), ())
        assert sum(one.edges for one in told.edges) == graph.subgraph(above | {last}).number_of_edges()
        assert {found.as_of, pair.as_of, told.as_of} == {world.size()}
        world.check()
        world.home.store.close()


def test_the_heaviest_path_is_the_one_that_the_recipes_give_most_weight(world: World) -> None:
    base, other = world.model(name="kennel/base"), world.model()
    both = world.merge("linear", base, other)
    copy = world.model(base, relation="convert")
    last = world.merge("linear", both, copy)

    found = paths(world.home.store, base, last)

    assert (found.count, len(found.shortest), found.heaviest) == ("2", 3, (base, copy, last))
    assert (found.weight.low, found.weight.high) == (0.5, 0.5)
    assert found.names[base] == ("kennel/base",)
    shown = {
        *zip(found.shortest, found.shortest[1:], strict=False),
        *zip(found.heaviest, found.heaviest[1:], strict=False),
    }
    assert {(edge.parent, edge.child) for edge in found.edges} == shown
    assert paths(world.home.store, last, base).count == "0"
    world.check()


def test_what_training_left_of_a_parent_may_be_all_and_stands_first(world: World) -> None:
    base = world.model()
    tuned, half = world.model(base), world.merge("linear", base, world.model())
    last = world.model(tuned, half, relation="merge")

    found = paths(world.home.store, base, last)

    assert found.heaviest == (base, tuned, last)
    assert (found.weight.low, found.weight.high) == (0, 1)


def test_what_is_missing_is_listed_with_the_reason_and_never_counted_as_known(world: World) -> None:
    base = world.artifact()
    tuned = world.artifact(base)
    stub = "hf:acme/tuned"
    said = claims.statement(
        "README.md", "a" * 64, [Claim(stub, (Parent("hf:acme/base", "finetune"),), "mit")], world.time
    )
    world.publish("publisher", said)
    world.derive(tuned, stub)
    last = world.artifact(tuned)
    with world.home.store.reading() as connection:
        left = redaction.left(connection, 1)
    world.publish("root", redaction_predicate.statement(world.logged()[1], "court 17", left))

    found = known(world.home.store, last)

    assert {one.artifact: one.why for one in found.missing} == {
        base: "unknown",
        stub: "stub",
        "hf:acme/base": "stub",
    }
    assert (found.ancestors, found.registered, found.stubs, found.unknown) == (4, 1, 2, 1)
    assert {one.evidence: one.edges for one in found.edges} == {
        "claimed": 1,
        "signed": 3,
        "consistent": 0,
        "reproduced": 0,
        "contradicted": 0,
    }
    assert {one.artifact: one.seen for one in roots(world.home.store, last).roots} == {
        base: False,
        "hf:acme/base": False,
    }
    assert not known(world.home.store, base).seen
    world.check()


def test_an_artifact_alone_has_nothing_in_common_with_itself(world: World) -> None:
    base = world.artifact()

    with pytest.raises(Malformed, match="from 2 to 16 artifacts have common ancestors, and 1 were named"):
        common(world.home.store, [base, base])
    with pytest.raises(Malformed, match="and 17 were named"):
        common(world.home.store, [world.artifact() for _ in range(17)])
    with pytest.raises(Malformed, match=f"both of these are {base}"):
        paths(world.home.store, base, base)
