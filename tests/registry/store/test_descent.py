"""Lists of descendants and ancestors: distances as networkx finds them, and pages that together are one list or say why not."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World

from lineage.facts import RELATIONS, WEIGHTLESS
from registry.store import Absent, descent
from registry.store.descent import Cursor, Direction, Page
from signing.errors import Malformed, Refused

NUMBER = st.integers(0, 30)
WEIGHTS = sorted(set(RELATIONS) - WEIGHTLESS)
# Few kinds, so that ways cross, and one that carries no weights.
RELATION = st.sampled_from([WEIGHTS[0], WEIGHTS[1], "tokenizer"])
MADE = st.tuples(st.just("artifact"), st.lists(NUMBER, max_size=3), RELATION)
LATE = st.tuples(st.just("derive"), NUMBER, NUMBER, RELATION)


class Grown:
    """A log and, beside it, the graph of its edges that carry weights, as networkx keeps it."""

    def __init__(self, folder: str) -> None:
        self.world, self.graph = World(Path(folder)), nx.DiGraph()
        self.every = nx.DiGraph()
        self.artifacts: list[str] = []

    def take(self, step: tuple[object, ...]) -> None:
        match step:
            case ("artifact", list(parents), relation):
                named = list(dict.fromkeys(self.pick(one) for one in parents)) if self.artifacts else []
                self.artifacts.append(self.world.artifact(*named, relation=relation))
                for parent in named:
                    self.edge(self.artifacts[-1], parent, relation)
                self.graph.add_node(self.artifacts[-1])
            case ("derive", child, parent, relation) if self.artifacts:
                below, above = self.pick(child), self.pick(parent)
                if below != above and not (below in self.every and nx.has_path(self.every, below, above)):
                    self.world.derive(below, above, relation=relation)
                    self.edge(below, above, relation)

    def edge(self, child: str, parent: str, relation: object) -> None:
        self.every.add_edge(parent, child)
        if relation not in WEIGHTLESS:
            self.graph.add_edge(parent, child)

    def pick(self, number: object) -> str:
        assert isinstance(number, int)
        one = self.artifacts[number % len(self.artifacts)]
        self.every.add_node(one)
        return one

    def due(self, artifact: str, direction: Direction) -> dict[str, int]:
        graph = self.graph if direction == "descendants" else self.graph.reverse()
        return {
            one: far for one, far in nx.single_source_shortest_path_length(graph, artifact).items() if far
        }

    def page(self, artifact: str, direction: Direction, most: int, after: Cursor | None = None) -> Page:
        with self.world.home.store.reading() as connection:
            return descent.page(connection, artifact, direction, most, after)

    def pages(self, artifact: str, direction: Direction, most: int) -> Iterator[Page]:
        page = self.page(artifact, direction, most)
        yield page
        while page.next is not None:
            page = self.page(artifact, direction, most, Cursor.parse(str(page.next)))
            yield page


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.one_of(MADE, LATE), min_size=3, max_size=20), most=st.integers(1, 4))
def test_the_law_of_pages_together_they_are_what_networkx_finds_nearest_first(
    steps: list[tuple[object, ...]], most: int
) -> None:
    with TemporaryDirectory() as folder:
        grown = Grown(folder)
        for step in steps:
            grown.take(step)

        for artifact in grown.artifacts:
            for direction in ("descendants", "ancestors"):
                pages = list(grown.pages(artifact, direction, most))
                rows = [one for page in pages for one in page.relatives]
                assert {one.artifact: one.distance for one in rows} == grown.due(artifact, direction)
                assert len({one.artifact for one in rows}) == len(rows) == pages[0].total
                assert [one.distance for one in rows] == sorted(one.distance for one in rows)
                assert all(len(page.relatives) == most for page in pages[:-1])
                assert {page.size for page in pages} == {grown.world.size()}
        grown.world.check()
        grown.world.home.store.close()


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(st.one_of(MADE, MADE, LATE), min_size=4, max_size=12),
    later=st.lists(st.one_of(MADE, LATE), min_size=1, max_size=6),
)
def test_the_law_of_pages_between_which_the_log_grows(
    steps: list[tuple[object, ...]], later: list[tuple[object, ...]]
) -> None:
    with TemporaryDirectory() as folder:
        grown = Grown(folder)
        for step in steps:
            grown.take(step)
        ways: tuple[Direction, ...] = ("descendants", "ancestors")
        begun = {
            (artifact, way): (grown.page(artifact, way, 1), grown.due(artifact, way))
            for artifact in grown.artifacts
            for way in ways
        }
        for step in later:
            grown.take(step)

        for (artifact, way), (first, due) in begun.items():
            now = grown.due(artifact, way)
            moved = any(now[one] != far for one, far in due.items())
            if first.next is None:
                continue
            if moved:
                with pytest.raises(Refused, match="begin again"):
                    grown.page(artifact, way, 100, first.next)
            else:
                rest = grown.page(artifact, way, 100, first.next)
                listed = {one.artifact: one.distance for one in (*first.relatives, *rest.relatives)}
                assert (listed, rest.size, rest.total) == (due, first.size, None)
        grown.world.home.store.close()


def test_a_list_is_begun_again_once_a_key_was_ended(world: World) -> None:
    base = world.artifact()
    for _ in range(3):
        world.artifact(base)
    with world.home.store.reading() as connection:
        first = descent.page(connection, base, "descendants", 1)
    stranger = world.join("other", "publisher")
    ended = world.end(stranger, world.home.now()).index

    with world.home.store.reading() as connection, pytest.raises(Refused, match=f"entry {ended} changed"):
        descent.page(connection, base, "descendants", 1, first.next)


@pytest.mark.parametrize(
    "written", ["", "1", "1.2", "1.2.3.4", "0.1.1", "1.0.1", "1.1.-1", "1.1.1\n", "\u0661.1.1", "9" * 30]
)
def test_what_is_no_cursor_is_refused(written: str) -> None:
    with pytest.raises(Malformed, match="is no cursor"):
        Cursor.parse(written)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (
            "UPDATE closure SET id = 'a,b' WHERE distance = 1 AND ancestor = 0",
            "a list has 2 of distance, 2 of number, 3 of id, 2 of flags: run `studbook log fsck`",
        ),
        ("UPDATE closure SET distance = 'x' WHERE ancestor = 0", "distance holds what is no number"),
        ("INSERT INTO flag VALUES ('x', 1, 0)", "incident holds what is no number"),
    ],
)
@pytest.mark.sqlite
def test_what_is_damaged_is_told_and_not_given_to_another_artifact(
    world: World, damage: str, sentence: str
) -> None:
    base = world.artifact()
    child = world.artifact(base)
    world.artifact(child)
    with world.home.store.writing() as connection:
        connection.exec_driver_sql(damage)
    with world.home.store.reading() as connection, pytest.raises(Refused, match=sentence):
        descent.page(connection, base, "descendants", 10)


def test_a_cursor_of_a_longer_log_is_refused(world: World) -> None:
    base = world.artifact()
    with world.home.store.reading() as connection, pytest.raises(Refused, match="read as of 99"):
        descent.page(connection, base, "descendants", 1, Cursor(99, 1, 0))


def test_what_the_log_did_not_name_then_is_absent(world: World) -> None:
    size = world.size()
    base = world.artifact()
    with world.home.store.reading() as connection, pytest.raises(Absent, match="not in this log"):
        descent.page(connection, base, "descendants", 1, Cursor(size, 1, 0))
