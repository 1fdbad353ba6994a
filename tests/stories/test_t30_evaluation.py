"""T30: an evaluation counts for the bytes it was made on, and for no child, parent or file of them."""

import pytest
from evidence import REVIEW, SUITE, measured, reviewed
from world import World

from lineage import predicates
from lineage.checks import Attested, Evaluated
from registry.store import artifacts
from signing.digest import parse_id
from signing.errors import Forbidden, Refused
from signing.statement import Statement, Subject


def test_t30_an_evaluation_of_a_parent_does_not_count_for_its_merge(world: World) -> None:
    base = world.artifact()
    merged = world.artifact(base, relation="merge")
    copied = world.artifact(merged, relation="convert")
    assert [world.verdict(one).evaluated for one in (base, merged, copied)] == [
        "never",
        "never since merge",
        "never",
    ]

    said = world.publish("publisher", measured(base), measured(base, "0.6"))

    (first, second) = world.verdict(base).evaluations
    assert first.fact == Evaluated(base, "PASSED", SUITE, "harness 1", "acc", "0.5", 100, 7)
    assert (first.operators, first.time, first.entry) == (("kennel",), world.time, said[0].entry)
    assert second.fact.value == "0.6"
    assert [world.verdict(one).evaluated for one in (base, merged, copied)] == [
        "2",
        "never since merge",
        "never",
    ]
    assert world.verdict(merged).evaluations == ()
    world.check()


def test_t30_an_evaluation_of_one_file_is_of_no_artifact(world: World) -> None:
    """The subject is the artifact's id. The digest of its weights, or the OMS root, names something else."""
    artifact = world.model()
    with world.home.store.reading() as connection:
        files = artifacts.files(connection, artifact)
    of_a_file = f"sha256:{files['model.safetensors']}"
    before = world.size()

    with pytest.raises(
        Refused, match=f"{of_a_file} is not registered here, and a 'evaluated' fact is about it"
    ):
        world.publish("publisher", measured(of_a_file))
    both = Statement(
        (Subject("", parse_id(artifact)), Subject("", parse_id(of_a_file))),
        measured(artifact).predicate_type,
        measured(artifact).predicate,
    )
    with pytest.raises(Refused, match="one subject is needed, not 2"):
        world.publish("publisher", both)

    assert (world.size(), world.verdict(artifact).evaluated) == (before, "never")
    world.check()


@pytest.mark.parametrize("role", ["publisher", "builder", "rebuilder"])
def test_whoever_publishes_builds_or_rebuilds_may_evaluate_anybody_s_artifact(world: World, role) -> None:
    artifact = world.artifact()
    lab = world.join("lab", role, namespaces=())

    world.say(measured(artifact), lab)

    (found,) = world.verdict(artifact).evaluations
    assert found.operators == ("lab",)
    world.check()


def test_who_only_reports_incidents_evaluates_nothing_and_may_attest(world: World) -> None:
    artifact = world.artifact()
    guard = world.join("guard", "security")

    with pytest.raises(Forbidden, match="of guard holds security, not publisher or builder or rebuilder"):
        world.say(measured(artifact), guard)
    world.say(reviewed(artifact), guard)

    (found,) = world.verdict(artifact).attestations
    assert (found.fact.type, found.operators) == (REVIEW, ("guard",))
    world.check()


def test_what_a_stolen_key_measured_and_attested_counts_no_longer(world: World) -> None:
    artifact, other = world.artifact(), world.artifact()
    stolen, lab = world.join("anna", "rebuilder"), world.join("lab", "rebuilder")
    world.advance(1)
    world.say(measured(artifact), stolen)
    world.say(reviewed(artifact), stolen)
    world.say(measured(other), stolen, lab)
    world.say(reviewed(other), stolen, lab)
    before = world.size()
    assert world.verdict(other).evaluations[0].operators == ("anna", "lab")

    world.end(stolen, world.time - 1)

    assert world.verdict(artifact).evaluated == "never"
    assert world.verdict(artifact).attestations == ()
    assert world.verdict(artifact, before).evaluated == "1", "as of then, it counted"
    assert world.verdict(other).evaluations[0].operators == ("lab",)
    assert world.verdict(other).attestations[0].operators == ("lab",)
    assert world.verdict(other, before).evaluations[0].operators == ("anna", "lab"), (
        "as of then, both said it"
    )
    assert world.verdict(other, before).attestations[0].operators == ("anna", "lab")
    world.check()


def test_a_foreign_statement_changes_no_answer_and_is_of_a_registered_artifact(world: World) -> None:
    artifact = world.artifact()
    before = world.verdict(artifact)

    receipt = world.publish("publisher", reviewed(artifact, "poisoned, affected, withdrawn"))[0]

    after = world.verdict(artifact)
    (found,) = after.attestations
    assert found.fact == predicates.facts(reviewed(artifact, "poisoned, affected, withdrawn"), "")[0]
    assert (found.operators, found.time, found.entry) == (("kennel",), world.time, receipt.entry)
    assert (after.standing, after.parents, after.evaluated) == (before.standing, (), "never")
    with pytest.raises(Refused, match="is not registered here, and a 'attested' fact is about it"):
        world.publish("publisher", reviewed("sha256:" + "9" * 64))
    with pytest.raises(Refused, match=r"'https://slsa\.dev/review/v1' are not understood here"):
        world.publish("publisher", reviewed(artifact, uri="https://slsa.dev/review/v1"))
    world.check()


def test_a_reader_that_is_added_later_finds_nothing_in_a_leaf_that_was_not_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later version reads one reserved type more. It folds an old log to equal tables, foreign leaves and all."""

    class Later:
        URI = "https://in-toto.io/attestation/scai/v0.3"
        ROLES = ("publisher",)

        @staticmethod
        def facts(statement: Statement, entry: str) -> tuple[Attested]:
            raise AssertionError(f"no leaf before holds {statement.predicate_type}: {entry}")

    artifact = world.artifact()
    world.publish("publisher", reviewed(artifact), measured(artifact))
    with pytest.raises(Refused, match="are not understood here"):
        world.publish("publisher", reviewed(artifact, uri=Later.URI))

    known = predicates.discovered() | {Later.URI: Later}
    monkeypatch.setattr(predicates, "discovered", lambda: known)

    world.check()
