"""Licenses that change above: what holds below follows from the newest declarations, then and now, in whatever order they come."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World

from lineage.declared import Resolved, declared
from lineage.facts import MAKINGS, Relation
from lineage.licensing import Licensing, judge
from lineage.predicates import claims
from lineage.terms import carried
from registry.store import lineage

STUB = "hf:acme/upstream"
WORDS = st.sampled_from(
    ["mit", "apache-2.0", "gpl-3.0", "cc-by-nc-4.0", "llama3", "gemma", "gpl", "of-my-own", "MIT"]
)
NUMBER = st.integers(0, 9)
STEPS = st.one_of(
    st.tuples(st.just("made"), st.lists(NUMBER, max_size=2), st.sampled_from(MAKINGS), st.booleans()),
    st.tuples(st.just("declares"), NUMBER, WORDS),
    st.tuples(st.just("declares"), st.integers(0, 1), WORDS),
    st.tuples(st.just("derives"), NUMBER, NUMBER, st.sampled_from(MAKINGS)),
    st.tuples(st.just("claims"), WORDS),
    st.tuples(st.just("reopens")),
)


class Oracle:
    """What is declared and made of what, kept as plainly as can be."""

    def __init__(self) -> None:
        self.words: dict[str, list[str]] = {}
        self.claimed: list[str] = []
        self.edges: list[tuple[str, str, Relation]] = []

    def own(self, one: str) -> set[tuple[str, bool]]:
        if one != STUB:
            said = declared(self.words[one][-1] if self.words[one] else None)
            return {(each, isinstance(said, Resolved)) for each in said.licenses}
        return {(each, False) for word in self.claimed for each in declared(word).licenses} | {
            ("unknown", False)
        }

    def inherited(self, one: str) -> set[tuple[str, bool]]:
        return {
            (license_id, settled and carried(license_id, relation) == "yes")
            for child, parent, relation in self.edges
            if child == one
            for license_id, settled in self.own(parent) | self.inherited(parent)
            if carried(license_id, relation) != "no"
        }

    def above(self, one: str) -> set[str]:
        parents = {parent for child, parent, _ in self.edges if child == one}
        return parents.union(*map(self.above, parents))

    def changed(self, one: str) -> set[str]:
        """Return the ancestors that declared something that means another license than what they declare now."""
        return {
            each
            for each in self.above(one) - {STUB}
            if any(meant(word) != meant(self.words[each][-1]) for word in self.words[each])
        }


def meant(word: str) -> tuple[str, ...]:
    return tuple(sorted(declared(word).licenses))


def told(found: Licensing) -> tuple[object, ...]:
    settled = [
        {(one.license, one.settled) for one in some} for some in (found.terms.own, found.terms.inherited)
    ]
    return (*settled, {one.origin for one in found.findings if one.kind == "LIC-CHANGED"})


def judged(world: World, artifact: str, size: int | None = None) -> Licensing:
    with world.home.store.reading() as connection:
        return judge(lineage.around(connection, artifact, size))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, min_size=6, max_size=16))
def test_law_terms_follow_from_the_newest_declarations_after_any_interleaving(steps) -> None:
    with TemporaryDirectory() as folder:
        world, oracle = World(Path(folder)), Oracle()
        seen = []
        for step in (("made", [], "merge", False), ("made", [0], "finetune", False), *steps):
            take(world, oracle, step)
            # Each declaration has a time of its own: the same one again at the same time is the same statement.
            world.advance(1)
            seen += [
                (one, world.size(), (oracle.own(one), oracle.inherited(one), oracle.changed(one)))
                for one in oracle.words
            ]

        for one, size, expected in seen:
            assert told(judged(world, one, size)) == expected
        world.check()
        world.home.store.close()


def take(world: World, oracle: Oracle, step) -> None:
    known = list(oracle.words)
    match step:
        case ("made", numbers, relation, upstream):
            parents = dict.fromkeys(known[one % len(known)] for one in numbers if known)
            parents |= {STUB: None} if upstream else {}
            child = world.artifact(*parents, relation=relation)
            oracle.words[child] = []
            oracle.edges += [(child, parent, relation) for parent in parents]
        case ("declares", number, word) if known:
            world.license(known[number % len(known)], word)
            oracle.words[known[number % len(known)]].append(word)
        case ("derives", child, parent, relation) if known:
            below, above = known[child % len(known)], known[parent % len(known)]
            if below != above and below not in oracle.above(above):
                world.derive(below, above, relation=relation)
                oracle.edges.append((below, above, relation))
        case ("claims", word):
            said = claims.statement("card.md", "a" * 64, [claims.Claim(STUB, (), word)], world.time)
            world.publish("publisher", said)
            oracle.claimed.append(word)
        case ("reopens",):
            world.reopen()
        case _:
            pass


def findings(world: World, artifact: str) -> Iterator[str]:
    return (one.kind for one in judged(world, artifact).findings)


def test_a_claim_about_what_was_never_seen_is_held_against_what_descends_from_it(world: World) -> None:
    tuned = world.artifact(STUB)
    world.license(tuned, "mit")
    assert set(findings(world, tuned)) == {"LIC-UNKNOWN"}

    said = claims.statement("card.md", "a" * 64, [claims.Claim(STUB, (), "cc-by-nc-4.0")], world.time)
    world.publish("publisher", said)

    found = judged(world, tuned)
    assert {one.kind for one in found.findings} == {"LIC-UNKNOWN", "LIC-PERMISSIVE-OVER", "LIC-NC-COMMERCIAL"}
    assert {one.decides for one in found.findings} == {"unknown", "needs_review"}, "a card settles nothing"
    world.check()
