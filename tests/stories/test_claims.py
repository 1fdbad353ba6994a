"""What others wrote about stubs stands beside what publishers signed, and never above it."""

from pathlib import Path
from tempfile import TemporaryDirectory

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from world import World

from lineage.facts import Evidence
from lineage.predicates import claims, incident_change, redaction
from lineage.predicates.claims import Claim, Parent
from lineage.standing import Affected, Unknown
from registry.local import Local
from registry.store import redaction as redactions
from registry.store.log import Receipt
from registry.work import evidence
from signing.errors import Forbidden, Malformed, Refused
from signing.keys import PrivateKey

BASE, TUNED, MERGED = "hf:acme/base", "hf:acme/tuned", "hf:acme/merged"


def claim(world: World, *said: Claim, document: str = "cards.jsonl") -> Receipt:
    return world.publish("publisher", statement(world, *said, document=document))[0]


def statement(world: World, *said: Claim, document: str = "cards.jsonl"):
    return claims.statement(document, "a" * 64, said, world.time)


def made(child: str, *parents: str, relation="merge", license: str | None = None) -> Claim:  # noqa: A002
    return Claim(child, tuple(Parent(one, relation) for one in parents), license)


def closure(world: World) -> set[tuple[str, str]]:
    with world.home.store.reading() as connection:
        rows = connection.execute(
            text(
                "SELECT above.id, below.id FROM closure JOIN node AS above ON above.number = ancestor"
                " JOIN node AS below ON below.number = descendant"
            )
        )
        return {(row[0], row[1]) for row in rows}


def test_a_stub_is_made_of_what_is_claimed_and_says_whose_word_that_is(world: World) -> None:
    receipt = claim(world, made(TUNED, BASE, relation="finetune", license="mit"), made(MERGED, TUNED, BASE))

    found = world.verdict(TUNED)
    assert [(one.parent, one.relation, one.evidence) for one in found.parents] == [
        (BASE, "finetune", Evidence.CLAIMED)
    ]
    assert found.license is None
    assert [(one.fact.license, one.operators, one.entry) for one in found.claims] == [
        ("mit", ("kennel",), receipt.entry)
    ]
    assert world.ancestors(MERGED) == {TUNED, BASE}
    assert closure(world) == {(BASE, TUNED), (BASE, MERGED), (TUNED, MERGED)}
    assert world.standing(TUNED) == Unknown((BASE, TUNED))
    reaching = world.verdict(MERGED).terms.inherited
    assert {(one.license, one.settled) for one in reaching} == {("mit", False), ("unknown", False)}
    world.check()


def test_what_descends_from_a_stub_descends_from_what_is_claimed_of_it_later(world: World) -> None:
    own = world.model("hf:acme/tuned")
    root = world.model()
    reported = world.report(root, "data-poisoned")

    claim(world, made(TUNED, BASE), made(BASE, root))

    assert world.ancestors(own) == {TUNED, BASE, root}
    assert world.flagged(reported) == {root, BASE, TUNED, own}
    assert isinstance(world.standing(own), Affected)
    world.check()


def test_edges_of_one_statement_come_in_any_order(world: World) -> None:
    root = world.model()
    reported = world.report(root, "license")

    claim(world, made(MERGED, TUNED), made(TUNED, BASE, relation="tokenizer"), made(BASE, root))

    assert world.flagged(reported) == {root, BASE, TUNED, MERGED}
    assert closure(world) == {(root, BASE), (TUNED, MERGED)}
    world.check()


def test_a_claim_overrides_nothing_that_a_publisher_signed(world: World) -> None:
    base = world.model()
    own = world.model(base, license="apache-2.0")
    before = world.verdict(own)

    with pytest.raises(Malformed, match=r"claims\.0\.artifact"):
        claim(world, made(own, BASE, license="mit"))
    claim(world, made(TUNED, own, license="mit"))

    after = world.verdict(own)
    assert (after.license, after.parents, after.standing) == (before.license, before.parents, before.standing)
    world.check()


def test_claims_are_for_publishers(world: World) -> None:
    vet = world.join("vet", "security")
    with pytest.raises(Forbidden, match="of vet holds security, not publisher"):
        world.say(statement(world, made(TUNED, BASE)), vet)
    stranger = PrivateKey.generate("ecdsa-p256")
    with pytest.raises(Refused, match="signed by no key of the trusted root"):
        world.say(statement(world, made(TUNED, BASE)), stranger)
    world.check()


def test_t21_stubs_make_no_cycle_in_one_statement_or_in_several(world: World) -> None:
    own = world.model(MERGED)
    with pytest.raises(Refused, match="descends from"):
        claim(world, made(TUNED, BASE), made(BASE, TUNED))
    with pytest.raises(Refused, match=f"{TUNED} cannot be its own parent"):
        claim(world, made(TUNED, TUNED))
    claim(world, made(TUNED, BASE), made(MERGED, TUNED))
    with pytest.raises(Refused, match=f"{own} descends from {BASE}, so it cannot be its parent"):
        claim(world, made(BASE, own))
    with pytest.raises(Refused, match="descends from"):
        claim(world, made(BASE, "hf:acme/new"), made("hf:acme/new", MERGED))
    assert world.ancestors(own) == {BASE, TUNED, MERGED}
    world.check()


def test_a_late_parent_and_a_new_child_of_one_stub_come_together(world: World) -> None:
    claim(world, made(MERGED, TUNED))

    claim(world, made(TUNED, BASE), made("hf:acme/new", TUNED))

    assert world.ancestors(MERGED) == world.ancestors("hf:acme/new") == {TUNED, BASE}
    world.check()


NODES = st.integers(0, 5)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.lists(st.tuples(NODES, NODES), min_size=1, max_size=4), min_size=1, max_size=5),
    st.integers(0, 4),
)
def test_t21_law_closure_and_flags_follow_from_whatever_is_claimed_in_whatever_order(
    statements, when
) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        root, graph, reported = world.artifact(), nx.DiGraph(), None
        graph.add_node(root)
        for at, pairs in enumerate(statements):
            if at == when:
                reported = world.report(root, "compromised")
            # The first node is registered, and so a parent only.
            named = [(f"hf:a/{parent}" if parent else root, f"hf:a/{child}") for parent, child in pairs]
            together = nx.DiGraph([*graph.edges, *named])
            if nx.is_directed_acyclic_graph(together):
                claim(world, *(made(child, parent) for parent, child in named))
                graph.add_edges_from(named)
            else:
                with pytest.raises(Refused, match=r"descends from|its own parent"):
                    claim(world, *(made(child, parent) for parent, child in named))
            world.advance(1)
        assert closure(world) == set(nx.transitive_closure_dag(graph).edges)
        if reported is not None:
            assert world.flagged(reported) == nx.descendants(graph, root) | {root}
        world.check()
        world.home.store.close()


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        ({"depth": 3}, "would lie up to 4 generations deep; at most 3"),
        ({"ancestors": 3}, "would have up to 4 ancestors; at most 3"),
        (
            {"late_rows": 9},
            "would have up to 10 ancestors together, and one statement adds at most 9 closure rows",
        ),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_t21_a_chain_within_one_statement_counts(world: World, limit, sentence) -> None:
    world.settings = world.settings.model_copy(update=limit)
    world.reopen()
    chain = [made(f"hf:a/{n + 1}", f"hf:a/{n}") for n in range(4)]
    size = world.size()

    with pytest.raises(Refused, match=sentence):
        claim(world, *chain)
    assert world.size() == size
    claim(world, *chain[:3])
    world.check()


def test_what_comes_together_by_several_ways_is_counted_once(world: World) -> None:
    world.settings = world.settings.model_copy(update={"depth": 2, "ancestors": 5})
    world.reopen()
    middle = [f"hf:a/{n}" for n in range(4)]

    claim(world, *(made(one, BASE) for one in middle), made(MERGED, *middle))

    assert world.ancestors(MERGED) == {BASE, *middle}
    world.check()


def test_claims_of_a_stolen_key_fall_with_what_followed_from_them(world: World) -> None:
    root = world.model()
    reported = world.report(root, "compromised")
    stolen = world.join("thief", "publisher")
    claim(world, made(TUNED, BASE))
    world.advance(10)
    end = world.time
    world.advance(10)
    world.say(statement(world, made(BASE, root), made(MERGED, TUNED, license="mit")), stolen)
    assert world.flagged(reported) == {root, BASE, TUNED, MERGED}

    world.end(stolen, at=end)

    assert world.flagged(reported) == {root}
    assert closure(world) == {(BASE, TUNED)}
    assert world.verdict(MERGED).claims == ()
    world.check()


def test_a_redaction_leaves_edges_and_takes_their_parts(world: World) -> None:
    said = Claim(TUNED, (Parent(BASE, "merge", {"role": "secret words"}),), "mit")
    receipt = claim(world, said)
    with world.home.store.reading() as connection:
        left = redactions.left(connection, receipt.index)

    world.publish("root", redaction.statement(receipt.entry, "an order", left))

    found = world.verdict(TUNED)
    assert [(one.parent, one.part) for one in found.parents] == [(BASE, "{}")]
    assert found.standing == Unknown((BASE, TUNED))
    world.check()


def test_a_bundle_proves_the_claims_of_a_stub_offline(world: World) -> None:
    claim(world, made(TUNED, BASE, license="mit"))
    local = Local(world.home.store, lambda: world.time)

    found = evidence.read(local.bundle(TUNED, ancestors=True), world.home.root())

    assert [line.apart for line in found.held] == ["", ""]
    assert [(one.child, one.parent, one.evidence) for one in found.edges] == [(TUNED, BASE, Evidence.CLAIMED)]
    assert found.unregistered == (TUNED, BASE)
    evidence.check_about(found, TUNED)


def test_an_incident_on_what_a_claim_names_can_be_taken_back(world: World) -> None:
    root = world.model()
    claim(world, made(TUNED, root))
    reported = world.report(root, "withdrawn")
    assert isinstance(world.standing(TUNED), Affected)

    world.publish("security", incident_change.statement(reported, "retracted", "a mistake"))

    assert world.standing(TUNED) == Unknown((TUNED,))
    world.check()
