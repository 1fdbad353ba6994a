"""CSV, DOT and GraphML, read back by other people's parsers: the same graph, and hostile names that do nothing."""

import csv
import html
import io
import re
from dataclasses import replace

import networkx as nx
import pydot
import pytest
from exported import pedigrees, told
from hypothesis import HealthCheck, given, settings
from world import World

from lineage.subjects import Pedigree
from registry.export import NOASSERTION, called, plain
from registry.exports import csv as csv_format
from registry.exports import dot, graphml

LAW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def drawn(text: str) -> pydot.Dot:
    (graph,) = pydot.graph_from_dot_data(text)
    return graph


def nodes_of(graph: pydot.Dot) -> list[pydot.Node]:
    """The nodes; a statement that sets defaults is one, too, to pydot."""
    return [one for one in graph.get_node_list() if one.get_name() not in {"graph", "node"}]


def unquoted(value: str) -> str:
    """What Graphviz draws for a quoted id in a label."""
    assert value[0] == value[-1] == '"'
    return html.unescape(re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL))


def test_graphml_is_the_same_graph_in_networkx(world: World, family) -> None:
    subject = told(world, family["merged"])

    graph = nx.parse_graphml(graphml.text(subject))

    assert graph.is_directed()
    assert set(graph.nodes) == {node.id for node in subject.nodes}
    assert sorted((child, parent, data["entry"]) for parent, child, data in graph.edges(data=True)) == sorted(
        (edge.child, edge.parent, edge.entry) for edge in subject.edges
    )
    assert graph.graph["as_of"] == str(world.size())
    assert graph.graph["complete"] == "true"
    assert graph.graph["missing"] == family["stub"]
    assert graph.nodes[family["stub"]] == {
        "name": family["stub"],
        "license": NOASSERTION,
        "known": "false",
        "files": NOASSERTION,
    }
    assert graph.nodes[family["left"]]["license"] == "llama3"


def test_two_statements_about_one_pair_are_two_edges(world: World, family) -> None:
    world.derive(family["left"], family["base"], relation="tokenizer")
    subject = told(world, family["left"], "ancestors")

    graph = nx.parse_graphml(graphml.text(subject))

    assert graph.number_of_edges(family["base"], family["left"]) == 2
    assert len(drawn(dot.text(subject)).get_edge_list()) == len(subject.edges)


@LAW
@given(subject=pedigrees())
def test_law_graphml_holds_whatever_it_is_given(subject: Pedigree) -> None:
    graph = nx.parse_graphml(graphml.text(subject))

    assert {one: data["name"] for one, data in graph.nodes(data=True)} == {
        node.id: plain(called(node)) for node in subject.nodes
    }
    parts = [data.get("part", "") for _, _, data in graph.edges(data=True)]
    assert sorted(parts) == sorted(plain(edge.part) for edge in subject.edges)
    assert all(char.isprintable() for part in parts for char in part if not char.isspace())


@LAW
@given(subject=pedigrees())
def test_law_dot_holds_whatever_it_is_given(subject: Pedigree) -> None:
    graph = drawn(dot.text(subject))

    nodes = {unquoted(one.get_name()): one for one in nodes_of(graph)}
    assert nodes.keys() == {node.id for node in subject.nodes}
    for node in subject.nodes:
        assert unquoted(nodes[node.id].get_label()).startswith(plain(called(node)))
        style = unquoted(nodes[node.id].get_style())
        assert ("dashed" in style) == (not node.seen)
    edges = sorted(
        (unquoted(one.get_source()), unquoted(one.get_destination())) for one in graph.get_edge_list()
    )
    assert edges == sorted((edge.parent, edge.child) for edge in subject.edges)


@LAW
@given(subject=pedigrees())
def test_law_no_cell_is_a_formula_and_every_cell_comes_back(subject: Pedigree) -> None:
    found = rows(csv_format.text(subject))

    assert len(found) == len(subject.edges)
    known = {node.id: node for node in subject.nodes}
    for row, edge in zip(found, subject.edges, strict=True):
        assert set(row) == set(csv_format.COLUMNS)
        assert not [one for one in row.values() if re.match(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]", one)]
        assert not [one for one in row.values() if re.search(r"[\x00-\x1f]", one)]
        for column, value in (
            ("part", edge.part),
            ("child_name", called(known[edge.child])),
            ("entry", edge.entry),
            ("evidence", edge.evidence.name.lower()),
            ("parent_known", str(known[edge.parent].seen).lower()),
            ("as_of", "7"),
            ("complete", str(subject.complete).lower()),
        ):
            assert row[column].removeprefix("'") == plain(value).removeprefix("'")


@pytest.mark.parametrize("name", ["=1+1", " +cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\uff1d1"])
def test_a_name_that_begins_a_formula_is_a_text(name: str, world: World, family) -> None:
    subject = told(world, family["left"], "ancestors")
    nodes = tuple(replace(node, names=(name,)) for node in subject.nodes)

    found = rows(csv_format.text(replace(subject, nodes=nodes)))

    assert {row["child_name"] for row in found} == {f"'{name}"}


@pytest.mark.parametrize("name", ["&lt;b&gt;", "&#34;", "a\\", 'a"b', "\\N", '"]; x -> y ["', "{a|b}"])
def test_a_name_is_drawn_as_it_is(name: str, world: World, family) -> None:
    subject = told(world, family["left"], "ancestors")
    nodes = tuple(replace(node, names=(name,)) for node in subject.nodes)

    graph = drawn(dot.text(replace(subject, nodes=nodes)))

    labels = [unquoted(one.get_label()) for one in nodes_of(graph)]
    assert [one for one in labels if not one.startswith(f"{name}; ")] == []
    assert len(labels) == len(nodes)
