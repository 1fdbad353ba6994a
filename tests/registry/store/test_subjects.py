"""Subjects from the log: whole, or saying that they are not."""

import pytest
from exported import reached, told
from world import OPERATOR, World

from lineage.around import Incident
from lineage.predicates import derivation
from lineage.subjects import Pedigree
from registry.store import Absent, subjects


@pytest.fixture
def family(world: World) -> dict[str, str]:
    base = world.model(name="kennel/base", license="mit")
    world.publish("publisher", derivation.statement(base, [derivation.Parent("hf:Someone/Base", "finetune")]))
    left, right = world.model(base), world.model(base)
    merged = world.model(left, right, relation="merge", name="kennel/merged")
    return {"base": base, "left": left, "right": right, "merged": merged}


def test_a_pedigree_holds_files_relatives_and_who_registered_them(
    world: World, family: dict[str, str]
) -> None:
    world.report(family["left"], "compromised")

    found = told(world, family["left"])

    assert {name for name, _ in found.files} >= {"config.json", "model.safetensors"}
    assert found.ancestors == {family["base"], "hf:Someone/Base"}
    assert found.descendants == {family["merged"]}
    assert found.registered.keys() == {node.id for node in found.nodes if node.seen}
    assert {one.operators for one in found.registered.values()} == {(OPERATOR,)}
    assert {one for one, what in found.incidents.items() if what} == {family["left"], family["merged"]}
    assert (found.at.size, found.at.time) == (world.size(), world.time)
    assert found.at.origin == world.home.root().origin


def test_a_stub_has_no_files_and_a_cut_list_says_so(world: World, family: dict[str, str]) -> None:
    stub = told(world, "hf:Someone/Base")
    assert (stub.files, stub.here.seen, stub.complete) == ((), False, True)

    assert not told(world, family["base"], most=2).complete
    assert told(world, family["base"], "ancestors", most=2).complete
    assert "hf:Someone/Base" not in {one.id for one in told(world, family["base"], "descendants").nodes}


def test_a_reach_knows_when_it_was_reported_and_changed(world: World, family: dict[str, str]) -> None:
    reported = world.report(family["left"], "compromised", family["right"])
    world.advance(10)
    found = reached(world, reported)
    assert found.changed == found.reported
    assert found.reported.entry == reported
    assert found.flagged == {family["left"], family["right"], family["merged"]}

    receipt = world.retract(reported)

    found = reached(world, reported)
    assert (found.changed.entry, found.changed.time) == (receipt.entry, world.time)
    assert found.ended
    assert not reached(world, reported, most=2).complete
    assert isinstance(found.incident, Incident)


def test_what_an_incident_spares_is_unknown_where_its_ancestors_are(world: World) -> None:
    donor = world.model()
    fine = world.model(donor, relation="tokenizer")
    doubtful = world.model(donor, relation="tokenizer")
    world.derive(doubtful, "hf:Someone/Else")

    found = reached(world, world.report(donor, "data-poisoned"))

    assert found.missing == {doubtful: ("hf:Someone/Else",)}
    assert found.status(fine) == "not_affected"
    assert found.status(doubtful) == "under_investigation"


def test_an_entry_that_reports_nothing_is_no_incident(world: World) -> None:
    with pytest.raises(Absent, match="reports an incident"):
        reached(world, world.logged()[0])


def test_a_pedigree_as_of_an_earlier_size_is_the_one_that_was_told_then(
    world: World, family: dict[str, str]
) -> None:
    then: list[tuple[int, Pedigree]] = []

    def note() -> None:
        then.append((world.size(), told(world, family["left"])))

    note()
    reported = world.report(family["base"], "compromised")
    note()
    world.advance(10)
    world.derive(family["left"], world.model())
    note()
    world.retract(reported)
    note()
    below = world.model(family["left"])
    note()
    world.license(family["left"], "mit")
    with world.home.store.reading() as connection:
        for size, expected in then:
            assert subjects.pedigree(connection, family["left"], size=size) == expected
        assert below in subjects.pedigree(connection, family["left"]).descendants


def test_an_edge_s_entry_says_who_had_signed_it_by_then(world: World, family: dict[str, str]) -> None:
    vet = world.join("vet", "publisher")
    said = derivation.statement(family["merged"], [derivation.Parent(family["base"], "tokenizer")])
    world.publish("publisher", said)
    then = world.size()
    entries = {edge.entry for edge in told(world, family["merged"]).edges}
    receipt = world.say(said, world.home.keys("publisher"), vet)

    with world.home.store.reading() as connection:
        before = subjects.responsible(connection, entries, then)
        now = subjects.responsible(connection, entries, world.size())

    assert before == dict.fromkeys(entries, (OPERATOR,))
    assert now == before | {receipt.entry: (OPERATOR, "vet")}
