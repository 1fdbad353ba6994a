"""Relatives that are asked for, of whatever is published: each answer is a part of the whole, and the parts make it up again."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import OPERATOR, World

from lineage.facts import MAKINGS, Evidence
from lineage.predicates import signature
from lineage.selection import State
from lineage.standing import Affected, Clean, Unknown
from registry.local import Local
from registry.selected import SelectionOut, moment
from registry.store.recorded import recorded
from signing.digest import artifact_id
from signing.errors import Malformed

SHAPES = st.lists(
    st.tuples(st.lists(st.integers(0, 30), max_size=3), st.sampled_from(MAKINGS), st.integers(0, 9)),
    min_size=2,
    max_size=9,
)
WORDS: dict[type, State] = {Clean: "clean", Affected: "affected", Unknown: "unknown"}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(shapes=SHAPES, direction=st.sampled_from(["ancestors", "descendants"]))
def test_law_what_is_asked_for_is_a_part_of_the_whole_and_the_rest_is_counted(shapes, direction) -> None:
    with TemporaryDirectory() as folder:
        world, graph = World(Path(folder)), nx.MultiDiGraph()
        made: list[str] = []
        for parents, relation, event in shapes:
            named = list(dict.fromkeys(made[one % len(made)] for one in parents)) if made else []
            named += ["hf:acme/base"] if event == 0 else []
            world.advance(event)
            made.append(world.artifact(*named, relation=relation))
            graph.add_edges_from((parent, made[-1], relation) for parent in named)
            graph.add_node(made[-1])
            if event == 9:
                world.report(made[-1], "license")
        subject = made[-1] if direction == "ancestors" else made[0]
        local = Local(world.home.store, world.home.now)
        ask = getattr(local, direction)
        whole = ask(subject)
        everybody = {one.artifact for one in whole.relatives}
        assert (whole.left_out, whole.asked) == (0, SelectionOut())

        def listed(**asked: object) -> set[str]:
            found = ask(subject, SelectionOut.of(**asked))
            assert found.left_out == len(everybody) - len(found.relatives)
            assert (found.complete, found.as_of) == (True, world.size())
            assert set(found.relatives) <= set(whole.relatives) or asked.keys() & {"relations", "evidence"}
            return {one.artifact for one in found.relatives}

        by_state = {state: listed(standing=state) for state in get_args(State)}
        for one in everybody:
            (state,) = [word for word, some in by_state.items() if one in some]
            assert state == WORDS[type(world.standing(one))]
        for relation in {one for _, one, _ in shapes}:
            alone = nx.DiGraph([(a, b) for a, b, how in graph.edges(keys=True) if how == relation])
            alone.add_nodes_from(graph)
            assert listed(relations=(relation,)) == getattr(nx, direction)(alone, subject)
        assert listed(relations=MAKINGS) == everybody
        with world.home.store.reading() as connection:
            first = recorded(connection, everybody)
        for at in range(world.size()):
            later = listed(since=f"entry:{at}")
            assert later == {one for one in everybody if first[one].entry >= at}
            assert listed(until=f"entry:{at}") | later == everybody
        for one in everybody:
            assert one in listed(since=str(first[one].time), until=str(first[one].time))
        world.check()
        world.home.store.close()


def test_edges_are_walked_by_how_well_they_are_known(world: World) -> None:
    base = world.model(name="kennel/base")
    one, two = world.model(base), world.model()
    merged = world.merge("linear", one, two)
    world.rebuild(merged)
    local = Local(world.home.store, world.home.now)

    def walked(grade: str) -> set[str]:
        found = local.ancestors(merged, SelectionOut.of(evidence=grade))
        assert {edge.parent for edge in found.edges} == {one.artifact for one in found.relatives}
        return {one.artifact for one in found.relatives}

    assert walked("claimed") == walked("signed") == {base, one, two}
    assert walked("consistent") == walked("reproduced") == {one, two}
    assert walked("contradicted") == set()
    found = local.ancestors(merged, SelectionOut.of(evidence="reproduced"))
    assert (found.left_out, len(found.edges)) == (1, 2)
    assert {edge.evidence for edge in found.edges} == {Evidence.REPRODUCED.name.lower()}
    world.check()


def test_an_owner_is_who_registered_it_and_ends_with_its_key(world: World) -> None:
    anna = world.join("anna", "publisher")
    files = {"model.safetensors": "ab" * 32}
    hers = artifact_id(files)
    world.advance(1)
    world.say(signature.statement("hers", files), anna)
    below = world.artifact(hers)
    local = Local(world.home.store, world.home.now)

    def owned(owner: str) -> set[str]:
        found = local.ancestors(below, SelectionOut.of(owner=owner))
        assert found.left_out == 1 - len(found.relatives)
        return {one.artifact for one in found.relatives}

    assert owned("anna") == owned(anna.public.id[:8]) == owned(anna.public.id) == {hers}
    assert owned(OPERATOR) == owned(anna.public.id[:7]) == set()
    world.end(anna, world.time - 1)
    assert owned("anna") == set()
    world.check()


def test_incidents_are_told_of_those_that_are_listed_and_a_cut_is_still_said(world: World) -> None:
    base = world.model(license="mit")
    bad, good = world.model(base, license="mit"), world.model(base)
    world.report(bad, "compromised")
    local = Local(world.home.store, world.home.now, most=2)

    found = local.descendants(base, SelectionOut.of(standing="affected"))
    assert not found.complete
    whole = Local(world.home.store, world.home.now)
    found = whole.descendants(base, SelectionOut.of(standing="affected"))
    assert ([one.artifact for one in found.relatives], len(found.incidents), found.left_out) == ([bad], 1, 1)
    assert [edge.child for edge in found.edges] == [bad]
    found = whole.descendants(base, SelectionOut.of(standing="clean"))
    assert ([one.artifact for one in found.relatives], found.incidents) == ([good], ())
    assert [one.artifact for one in whole.descendants(base, SelectionOut.of(license="MIT")).relatives] == [
        bad
    ]


def test_a_descendant_is_judged_by_all_that_it_is_made_of(world: World) -> None:
    base = world.artifact()
    half, whole = world.artifact(base, "hf:acme/other"), world.artifact(base)
    local = Local(world.home.store, world.home.now)

    def standing(state: State) -> list[str]:
        return [one.artifact for one in local.descendants(base, SelectionOut.of(standing=state)).relatives]

    assert (standing("unknown"), standing("clean")) == ([half], [whole])


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"relations": ("stolen",)}, "the selection: relations.0: input should be 'merge', 'finetune'"),
        ({"evidence": "rumoured"}, "the selection: evidence: input should be 'claimed', 'signed'"),
        (
            {"standing": "fine"},
            "the selection: standing: input should be 'clean', 'affected' or 'unknown', not 'fine'",
        ),
        ({"owner": ""}, "the selection: owner: string should have at least 1 character"),
        ({"since": "yesterday"}, "the selection: since: 'yesterday' is not of the form"),
    ],
)
def test_what_asks_for_nothing_that_there_is_is_refused(asked, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        SelectionOut.of(**asked)


@given(
    st.builds(
        SelectionOut.of,
        relations=st.lists(st.sampled_from(MAKINGS), max_size=3).map(tuple),
        standing=st.none() | st.sampled_from(get_args(State)),
        owner=st.none() | st.just("acme"),
        since=st.none() | st.integers(0, 10**15 - 1).map(str),
        until=st.none() | st.integers(0, 10**15 - 1).map("entry:{}".format),
    )
)
def test_law_a_query_says_what_was_asked(asked: SelectionOut) -> None:
    query = dict(asked.query())
    relations = query.pop("relations", "")

    assert SelectionOut.of(**query, relations=tuple(filter(None, relations.split(",")))) == asked


def test_a_time_is_written_in_three_ways() -> None:
    assert moment("2026-01-31T12:00:00Z") == moment("1769860800")
    assert (moment("entry:7").value, moment("entry:7").of) == (7, "entry")
    for said in ("2026-01-31", "yesterday", "-5", "entry:", "entry:-1", "٣", "1" * 16):
        assert moment(said) is None, said
