"""An incident is told to whoever registered what it reaches, with the way it takes; nobody is told of a stub."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from world import OPERATOR, World

from lineage import authority
from lineage.predicates import claims, derivation, signature
from lineage.predicates.claims import Claim, Parent
from lineage.standing import Affected
from registry.notices import OwnersOut, message
from registry.store import Absent
from registry.work.owners import owners
from signing.digest import artifact_id


def told(world: World, incident: str, most: int | None = None) -> OwnersOut:
    return owners(world.home, incident, most)


def test_each_operator_is_told_of_its_own_artifacts_and_the_way_to_each(world: World) -> None:
    base = world.model(name="kennel/base")
    vet = world.join("vet", "publisher")
    files = {"model.safetensors": "f" * 64}
    theirs = artifact_id(files)
    world.say(signature.statement("theirs", files), vet)
    world.say(derivation.statement(theirs, [derivation.Parent(base, "finetune")]), vet)
    mine = world.model(theirs, relation="merge", name="kennel/mine")
    world.model()
    incident = world.report(base, "compromised")

    found = told(world, incident)

    assert [(one.operator, one.contacts) for one in found.owners] == [
        (OPERATOR, (OPERATOR,)),
        ("vet", ("vet",)),
    ]
    ways = {one.artifact: one.via for one in found.affected()}
    assert ways == {base: (base,), theirs: (base, theirs), mine: (base, theirs, mine)}
    assert {one.artifact for one in found.owners[0].artifacts} == {base, mine}
    assert (found.unowned, found.complete, found.as_of) == ((), True, world.size())
    for artifact, via in ways.items():
        standing = world.standing(artifact)
        assert isinstance(standing, Affected)
        assert standing.via == via
    said = message(found, "vet")
    assert said.startswith("To: vet (vet)\n")
    assert "1 artifact of yours" in said
    assert f"by way of kennel/base → {theirs}" in said
    assert mine not in said
    world.check()


def test_of_a_stub_nobody_is_told_and_it_is_counted(world: World) -> None:
    base = world.model()
    said = [Claim("hf:org/Child", (Parent(base, "finetune"),), None)]
    world.publish("publisher", claims.statement("cards.jsonl", "a" * 64, said, 1))
    below = world.model("hf:org/Child")
    incident = world.report(base, "compromised")

    found = told(world, incident)

    assert [(one.artifact, one.via) for one in found.unowned] == [("hf:org/Child", (base, "hf:org/Child"))]
    assert {one.artifact for one in found.owners[0].artifacts} == {base, below}
    world.check()


def test_who_registered_an_artifact_second_is_not_its_owner_until_the_first_falls(world: World) -> None:
    first, second = world.join("first", "publisher"), world.join("second", "publisher")
    files = {"model.safetensors": "e" * 64}
    artifact = artifact_id(files)
    beginning = world.time
    world.advance(10)
    world.say(signature.statement("one", files), first)
    world.say(signature.statement("two", files), second)
    incident = world.report(artifact, "compromised")
    assert [one.operator for one in told(world, incident).owners] == ["first"]

    world.end(first, beginning)

    assert [one.operator for one in told(world, incident).owners] == ["second"]
    world.check()


def test_a_tokenizer_donors_poison_concerns_nobody_else(world: World) -> None:
    donor = world.model()
    world.model(donor, relation="tokenizer")

    found = told(world, world.report(donor, "data-poisoned"))

    assert [one.artifact for one in found.affected()] == [donor]


def test_a_message_says_the_stage_and_what_it_asks_for(world: World) -> None:
    base = world.model()
    incident = world.report(base, "compromised", stage="reported")
    assert "nobody has confirmed it yet" in message(told(world, incident), OPERATOR)

    world.retract(incident)

    said = message(told(world, incident), OPERATOR)
    assert "It was taken back" in said
    assert "retracted" in said.splitlines()[1]
    with pytest.raises(Absent, match=f"nobody-else registered nothing .*; {OPERATOR} did"):
        message(told(world, incident), "nobody-else")
    world.check()


def test_a_list_that_is_cut_says_so_in_the_message_too(world: World) -> None:
    base = world.model()
    world.model(base)
    incident = world.report(base, "compromised")

    found = told(world, incident, most=1)

    assert not found.complete
    assert "The list is not complete" in message(found, OPERATOR)
    with pytest.raises(Absent, match="reports an incident"):
        told(world, world.logged()[0])


def test_a_hub_is_walked_once_however_many_it_reaches(world: World) -> None:
    base = world.artifact()
    world.artifact(base)
    incident = world.report(base, "compromised")
    with counting(world) as few:
        told(world, incident)
    for _ in range(40):
        world.artifact(base)

    with counting(world) as many:
        found = told(world, incident)

    assert len(list(found.affected())) == 42
    assert len(many) == len(few)


@contextmanager
def counting(world: World) -> Iterator[list[str]]:
    """Collect every question that is asked of the database."""
    asked: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        asked.append(statement)

    event.listen(world.home.store._engine, "before_cursor_execute", note)
    yield asked
    event.remove(world.home.store._engine, "before_cursor_execute", note)


def test_an_operator_is_reached_by_its_good_keys_and_by_old_ones_if_none_is_good(world: World) -> None:
    key = world.join("vet", "publisher")
    world.advance(10)
    assert authority.contacts(world.home.root(), "vet", world.time) == ("vet",)

    world.end(key, world.time)
    world.advance(10)

    assert authority.contacts(world.home.root(), "vet", world.time) == ("vet",)
    assert authority.contacts(world.home.root(), "nobody", world.time) == ()
