"""Slices of the graph: whole or saying so, now and as of then; and the law over any interleaving of publishes."""

from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import OPERATOR, World

from lineage.around import Edge
from lineage.assessed import Assessed
from lineage.checks import Compared
from lineage.compared import graded
from lineage.facts import MAKINGS, WEIGHTLESS, Evidence, is_stub
from lineage.incidents import KINDS
from lineage.predicates import claims, containment, incident_status, name, parentage, same_as
from lineage.standing import Affected, Clean, Unknown, spread
from lineage.status import Policy
from registry.store import Absent, flagging, lineage, stopping
from signing.errors import Refused
from signing.keys import PrivateKey

Step = tuple[object, ...]
NUMBER = st.integers(0, 30)
TENSORS = ("ab" * 32, "cd" * 32)
SIGNER = st.integers(0, 1)
STUBS = ("hf:acme/one", "hf:acme/two", "hf:acme/three")
NAMES = ("Kennel/one", "kennel/other", "acme/one")
RANGES = ("kennel/*", "kennel/ot*", "kennel/one", "acme/one", "hf:acme/*", "hf:acme/t*", "hf:acme/two")
STEPS = st.one_of(
    st.tuples(st.just("artifact"), st.lists(NUMBER, max_size=3), st.sampled_from(MAKINGS), SIGNER),
    st.tuples(st.just("derive"), NUMBER, NUMBER, st.sampled_from(MAKINGS)),
    st.tuples(st.just("claim"), st.sampled_from(STUBS), NUMBER, st.sampled_from(MAKINGS)),
    st.tuples(st.just("same"), NUMBER, st.sampled_from(STUBS), st.sampled_from(get_args(same_as.Speaker))),
    st.tuples(st.just("report"), NUMBER, NUMBER, st.sampled_from(KINDS)),
    st.tuples(st.just("suspect"), SIGNER, st.sampled_from(KINDS)),
    st.tuples(st.just("contain"), NUMBER, st.sampled_from(TENSORS)),
    st.tuples(st.just("taint"), st.sampled_from(TENSORS), st.sampled_from(KINDS)),
    st.tuples(st.just("retract"), NUMBER),
    st.tuples(
        st.just("assess"), NUMBER, NUMBER, st.sampled_from(["not_affected", "affected"]), st.integers(1, 4)
    ),
    st.tuples(st.just("wait"), st.integers(1, 3)),
    st.tuples(st.just("compare"), NUMBER, NUMBER, st.sampled_from(["consistent", "contradicted"])),
    st.tuples(st.just("bind"), NUMBER, st.sampled_from(NAMES)),
    st.tuples(st.just("range"), st.sampled_from(RANGES), st.sampled_from(KINDS)),
    st.tuples(st.just("redact"), NUMBER),
    st.tuples(st.just("reopen")),
)


class Oracle:
    """What the graph should be, kept as plainly as can be."""

    def __init__(self) -> None:
        self.artifacts: list[str] = []
        self.edges: list[Edge] = []
        self.incidents: dict[str, tuple[list[str], str]] = {}
        self.selecting: dict[str, int | str] = {}
        self.selected: dict[int | str, list[str]] = {one: [] for one in (0, 1, *TENSORS)}
        self.compared: dict[tuple[str, str], set[str]] = {}
        self.until: dict[tuple[str, str], int] = {}
        self.bound: dict[str, tuple[str, str]] = {}
        self.stubs: set[str] = set()
        self.ranges: dict[str, str] = {}
        self.removed: set[str] = set()

    def ranged(self, incident: str) -> list[str]:
        pattern = self.ranges.get(incident)
        if pattern is None:
            return []
        called = [*self.bound.values(), *((one, one) for one in self.stubs)]
        return [one for name, one in called if fnmatchcase(name if is_stub(name) else name.lower(), pattern)]

    def add(self, child: str, parent: str, relation: str) -> None:
        self.stubs |= {one for one in (child, parent) if is_stub(one)}
        self.edges.append(Edge(child, parent, relation, "{}", Evidence.SIGNED, ""))

    def stops(self, incident: str, now: int) -> set[str]:
        return {one for (about, one), until in self.until.items() if about == incident and now < until}

    def evidence(self, edge: Edge) -> Evidence:
        found = self.compared.get((edge.child, edge.parent), set())
        if "contradicted" in found:
            return Evidence.CONTRADICTED
        if found:
            return Evidence.CONSISTENT
        # Whoever speaks for a stub signs for it; a publisher's word about somebody else's is a claim.
        signed = is_stub(edge.child) == (edge.relation == "same_as")
        return Evidence.SIGNED if signed else Evidence.CLAIMED

    def identified(self, named: list[str]) -> list[str]:
        return [
            one.parent
            for one in self.edges
            if one.relation == "same_as" and one.child in named and is_stub(one.child)
        ]

    def ancestors(self, artifact: str, *, weights: bool = False) -> set[str]:
        found, waiting = set(), [artifact]
        while waiting:
            here = waiting.pop()
            for edge in self.edges:
                if (
                    edge.child == here
                    and not (weights and edge.relation in WEIGHTLESS)
                    and edge.parent not in found
                ):
                    found.add(edge.parent)
                    waiting.append(edge.parent)
        return found


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=3, max_size=25))
def test_flags_and_closure_are_their_recomputation_after_any_interleaving(steps: list[Step]) -> None:
    with TemporaryDirectory() as folder:
        world, oracle = World(Path(folder)), Oracle()
        keys = [world.home.keys("publisher"), world.join(OPERATOR, "publisher")]
        seen: list[tuple[int, dict[str, object]]] = []
        for step in steps:
            take(world, oracle, step, keys)
            if step[0] == "redact":
                seen.clear()  # what is gone now cannot be told of then, either
            seen.append((world.size(), {one: world.standing(one) for one in oracle.artifacts[-3:]}))

        for incident, (named, kind) in oracle.incidents.items():
            also = oracle.selected[oracle.selecting[incident]] if incident in oracle.selecting else []
            found = [*named, *also, *oracle.identified(named), *oracle.ranged(incident)]
            assert world.flagged(incident) == spread(found, kind, oracle.edges)
            reached = spread(found, kind, oracle.edges, oracle.stops(incident, world.time))
            assert by_policy(world, oracle.artifacts, incident) == reached.intersection(oracle.artifacts)
        for artifact in oracle.artifacts:
            with world.home.store.reading() as connection:
                around = lineage.around(connection, artifact)
            assert {node.id for node in around.nodes} == oracle.ancestors(artifact) | {artifact}
            for edge in graded(around):
                assert edge.evidence is oracle.evidence(edge)
        for size, standings in seen:
            assert {one: world.standing(one, size=size) for one in standings} == standings
        world.check()
        world.home.store.close()


def by_policy(world: World, artifacts: list[str], incident: str) -> set[str]:
    """Which of `artifacts` the incident reaches where statuses stop it, by the lists and by each one's own standing."""
    policy = Policy(world.time, stopping=True)
    with world.home.store.reading() as connection:
        listed = stopping.reaching(connection, flagging.flags(connection, artifacts), policy)
        ended = flagging.incidents(connection, incident)[0].stage == "retracted"
    found = {one for one in artifacts if incident in {hit.id for hit in listed[one]}}
    for one in () if ended else artifacts:
        standing = world.verdict(one, policy=policy).standing
        hits = standing.incidents if isinstance(standing, Affected) else ()
        assert (one in found) == (incident in {hit.incident.id for hit in hits})
    return found


def take(  # noqa: C901, PLR0912, PLR0915 - one case a step
    world: World, oracle: Oracle, step: Step, keys: list[PrivateKey]
) -> None:
    pick = lambda number: oracle.artifacts[number % len(oracle.artifacts)]  # noqa: E731
    some = [*oracle.artifacts, *STUBS]
    any_of = lambda number: some[number % len(some)]  # noqa: E731
    match step:
        case ("artifact", list(parents), relation, int(signer)):
            named = list(dict.fromkeys(any_of(one) for one in parents))
            made = world.artifact(*named, relation=relation, key=keys[signer])
            oracle.artifacts.append(made)
            oracle.selected[signer].append(made)
            for parent in named:
                oracle.add(made, parent, relation)
        case ("derive", child, parent, relation) if oracle.artifacts:
            below, above = pick(child), any_of(parent)
            loops = below == above or below in oracle.ancestors(above)
            if loops:
                with pytest.raises(Refused):
                    world.derive(below, above, relation=relation)
            else:
                world.derive(below, above, relation=relation)
                oracle.add(below, above, relation)
        case ("claim", str(below), parent, relation):
            above = any_of(parent)
            said = claims.Claim(below, (claims.Parent(above, relation),))
            claimed = claims.statement("cards.jsonl", "0" * 64, [said], world.time)
            if below == above or below in oracle.ancestors(above):
                with pytest.raises(Refused):
                    world.publish("publisher", claimed)
            else:
                world.publish("publisher", claimed)
                oracle.add(below, above, relation)
        case ("same", number, str(stub), speaker) if oracle.artifacts:
            below, above = (pick(number), stub) if speaker == "publisher" else (stub, pick(number))
            if below in oracle.ancestors(above):
                with pytest.raises(Refused, match="so it cannot be its parent"):
                    world.same(pick(number), stub, speaker)
            else:
                world.same(pick(number), stub, speaker)
                oracle.add(below, above, "same_as")
        case ("report", one, other, kind):
            named = sorted({any_of(one), any_of(other)})
            world.advance(1)
            oracle.incidents[world.report(named[0], kind, *named[1:], stage="reported")] = (named, kind)
            oracle.stubs |= set(filter(is_stub, named))
        case ("suspect", int(signer), kind):
            world.advance(1)
            reported = world.report(None, kind, keys=[keys[signer].public.id])
            oracle.incidents[reported] = ([], kind)
            oracle.selecting[reported] = signer
        case ("contain", number, str(tensor)) if oracle.artifacts:
            world.publish("security", containment.statement(tensor, [pick(number)]))
            oracle.selected[tensor].append(pick(number))
        case ("taint", str(tensor), kind):
            world.advance(1)
            reported = world.report(None, kind, tensors=[tensor])
            oracle.incidents[reported] = ([], kind)
            oracle.selecting[reported] = tensor
        case ("retract", number) if oracle.incidents:
            world.retract(list(oracle.incidents)[number % len(oracle.incidents)])
        case ("assess", which, one, status, int(lasting)) if oracle.incidents:
            incident, artifact = list(oracle.incidents)[which % len(oracle.incidents)], any_of(one)
            cleared = status == "not_affected"
            until = world.time + lasting
            why = "component_not_present" if cleared else None
            said = Assessed(artifact, incident, status, why, until if cleared else None, None, "x")
            world.publish("security", incident_status.statement(said, world.time))
            oracle.until[incident, artifact] = until if cleared else 0
            oracle.stubs |= set(filter(is_stub, [artifact]))
            world.advance(1)  # or the same words would be the same statement, and change nothing
        case ("bind", number, str(called)) if oracle.artifacts:
            world.advance(1)
            entry = world.publish("publisher", name.statement(pick(number), called, None, world.time))[
                0
            ].entry
            oracle.bound[entry] = (called, pick(number))
        case ("range", str(pattern), kind):
            world.advance(1)
            reported = world.report(None, kind, names=[pattern])
            oracle.incidents[reported] = ([], kind)
            oracle.ranges[reported] = pattern
        case ("redact", number) if standing := [
            one for one in (*oracle.bound, *oracle.ranges) if one not in oracle.removed
        ]:
            entry = standing[number % len(standing)]
            world.redact(entry)
            oracle.removed.add(entry)
            oracle.bound.pop(entry, None)
            # A range of upstream names says no name of anybody's here, so it stays (ADR 0046).
            if not is_stub(oracle.ranges.get(entry, "")):
                oracle.ranges.pop(entry, None)
        case ("wait", int(seconds)):
            world.advance(seconds)
        case ("compare", one, other, outcome) if oracle.artifacts and pick(one) != pick(other):
            pair = (pick(one), pick(other))
            world.publish("rebuilder", parentage.statement([Compared(*pair, outcome, "alone", "0.7", "0.6")]))
            oracle.compared.setdefault(pair, set()).add(outcome)
        case ("reopen",):
            world.reopen()
        case _:
            pass


def test_a_slice_that_is_cut_says_so(world: World) -> None:
    base = world.artifact()
    children = [world.artifact(base) for _ in range(5)]
    world.artifact(children[0])
    with world.home.store.reading() as connection:
        whole = lineage.below(connection, base)
        cut = lineage.below(connection, base, most=3)
        exact = lineage.below(connection, base, most=7)

    assert (len(whole.nodes), len(whole.edges), whole.complete) == (7, 6, True)
    assert (len(cut.nodes), len(cut.edges), cut.complete) == (3, 2, False)
    assert cut.nodes[0].id == base
    assert exact.complete
    assert exact.size == whole.size == world.size()


def test_a_hub_is_not_read_whole_to_be_cut(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    base = world.artifact()
    for _ in range(20):
        world.artifact(base)
    read, rows = [], lineage.rows

    def counted(*asked: object) -> object:
        for row in rows(*asked):
            read.append(row)
            yield row

    monkeypatch.setattr(lineage, "rows", counted)
    with world.home.store.reading() as connection:
        cut = lineage.below(connection, base, most=3)

    assert (len(cut.nodes), cut.complete) == (3, False)
    assert len(read) < 12


def test_an_incident_is_found_by_the_beginning_of_its_id(world: World) -> None:
    one, two = world.artifact(), world.artifact()
    ids = [world.report(one, "license"), world.report(two, "license")]
    with world.home.store.reading() as connection:
        for known in ids:
            (found,) = flagging.incidents(connection, beginning=known[:20])
            assert found == flagging.incidents(connection, beginning=known)[0]
            assert found.id == known
        assert flagging.incidents(connection, beginning="g") == ()
        assert len(flagging.incidents(connection)) == 2


def test_the_graph_as_it_stood(world: World) -> None:
    base, child = world.artifact(), world.artifact()
    before = world.size()
    world.derive(child, base)

    with world.home.store.reading() as connection:
        assert lineage.around(connection, child, before).edges == ()
        assert lineage.around(connection, child).edges[0].parent == base
        with pytest.raises(Refused, match=f"has {world.size()} entries; it cannot be read as of 99"):
            lineage.around(connection, child, 99)
        with pytest.raises(Absent, match="not in this log"):
            lineage.around(connection, "sha256:" + "ab" * 32)


def test_an_artifact_whose_statement_was_removed_is_unknown_and_never_clean(world: World) -> None:
    from sqlalchemy import text

    base = world.artifact()
    child = world.artifact(base)
    assert world.standing(child) == Clean()
    with world.home.store.writing() as connection:
        connection.execute(text('DELETE FROM payload WHERE "index" = 1'))

    assert world.standing(child) == Unknown(missing=(base,))


def test_a_deep_chain_is_read_and_judged(world: World) -> None:
    from lineage.predicates import derivation, signature
    from signing.digest import artifact_id

    said, chain = [], []
    for number in range(150):
        files = {"model.safetensors": f"{number:064x}"}
        chain.append(artifact_id(files))
        said.append(signature.statement(str(number), files))
        if number:
            parent = derivation.Parent(artifact=chain[number - 1], relation="finetune", part={})
            said.append(derivation.statement(chain[number], [parent]))
    world.publish("publisher", *said)
    incident = world.report(chain[0], "compromised")

    assert world.flagged(incident) == set(chain)
    assert len(world.standing(chain[-1]).via) == 150
    assert world.fsck().findings == ()


def test_t21_more_ancestors_than_the_settings_allow_are_refused_with_both_numbers(world: World) -> None:
    world.settings = world.settings.model_copy(update={"ancestors": 5, "late_rows": 12})
    world.reopen()
    chain = [world.artifact()]
    while len(chain) < 6:
        chain.append(world.artifact(chain[-1]))
    with pytest.raises(Refused, match="would have 6 ancestors; at most 5"):
        world.artifact(chain[-1])
    with pytest.raises(Refused, match="would have 7 ancestors; at most 5"):
        world.artifact(chain[-1], "hf:org/Unseen")

    top = world.artifact()
    with pytest.raises(Refused, match=r"a descendant of .* would have up to 6 ancestors"):
        world.derive(chain[0], top)
    with pytest.raises(Refused, match="up to 18 closure rows, and one statement adds at most 12"):
        world.derive(chain[0], top, world.artifact(), world.artifact())
    with pytest.raises(Refused, match=r"a descendant of .* would have up to 6 ancestors"):
        world.derive(chain[-2], top, relation="tokenizer")
    world.check()


def test_t21_what_is_known_is_bounded_beside_something_fresh_of_the_same_parents(world: World) -> None:
    world.settings = world.settings.model_copy(update={"ancestors": 3})
    world.reopen()
    world.artifact("hf:acme/known", "hf:acme/one", "hf:acme/two")
    parents = (claims.Parent("hf:acme/late", "finetune"),)
    said = [claims.Claim(f"hf:acme/{name}", parents) for name in ("fresh", "known")]
    with pytest.raises(Refused, match="a descendant of hf:acme/known would have up to 4 ancestors"):
        world.publish("publisher", claims.statement("cards.jsonl", "0" * 64, said, world.time))
    world.publish("publisher", claims.statement("cards.jsonl", "0" * 64, said[:1], world.time))
    world.check()


def test_t21_edges_that_carry_no_weights_are_bounded_as_well(world: World) -> None:
    world.settings = world.settings.model_copy(update={"ancestors": 4})
    world.reopen()
    chain = [world.artifact()]
    while len(chain) < 5:
        chain.append(world.artifact(chain[-1], relation="tokenizer"))
    with pytest.raises(Refused, match="would have 5 ancestors; at most 4"):
        world.artifact(chain[-1], relation="distill")
    with pytest.raises(Refused, match="would have 5 ancestors; at most 4"):
        world.artifact(chain[-1])
    world.check()


def test_t21_a_chain_deeper_than_the_settings_allow_is_refused_with_both_numbers(world: World) -> None:
    world.settings = world.settings.model_copy(update={"depth": 3})
    world.reopen()
    chain = [world.artifact()]
    while len(chain) < 4:
        chain.append(world.artifact(chain[-1], relation="tokenizer"))
    with pytest.raises(Refused, match="would lie 4 generations deep; at most 3"):
        world.artifact(chain[-1], relation="tokenizer")
    top = world.artifact()
    with pytest.raises(Refused, match=r"a descendant of .* would lie up to 4 generations deep; at most 3"):
        world.derive(chain[0], top)
    # Wide is not deep: a second parent on the same level moves nothing.
    world.derive(chain[1], top)
    world.check()


def test_what_is_named_late_counts_for_everything_below(world: World) -> None:
    world.settings = world.settings.model_copy(update={"ancestors": 3})
    world.reopen()
    middle = world.artifact()
    bottom = world.artifact(middle)
    world.derive(middle, world.artifact(), relation="distill")
    world.derive(bottom, world.artifact())
    with pytest.raises(Refused, match=f"{bottom} would have 4 ancestors"):
        world.derive(bottom, world.artifact())
    with pytest.raises(Refused, match="up to 4 ancestors"):
        world.derive(middle, world.artifact(), relation="tokenizer")
    world.check()
