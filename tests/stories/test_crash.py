"""Whoever stops where it hurts most finds everything again."""

import pytest
from world import World

from lineage.predicates import incident, signature
from lineage.standing import Affected, Clean
from registry.signer import Step
from signing.digest import artifact_id

FILES = {"model.safetensors": "ab" * 32}


@pytest.mark.parametrize("step", Step)
def test_a_report_that_was_cut_off_is_made_again_without_doubt(world: World, step: Step) -> None:
    base = world.model()
    child = world.model(base)
    said = incident.statement([base], "compromised", "high", "confirmed", "bad", contact="vet", issued=1)

    world.crash(step, "security", said)
    (receipt,) = world.publish("security", said)

    assert isinstance(world.standing(child), Affected)
    assert world.flagged(receipt.entry) == {base, child}
    assert len(world.verdict(child).standing.incidents) == 1
    world.check([receipt])


def test_what_another_process_left_without_a_checkpoint_is_covered_by_the_next_write(world: World) -> None:
    said = signature.statement("x", FILES)
    world.crash(Step.COMMITTED, "publisher", said)

    after = world.license(artifact_id(FILES), "mit")

    assert (after.index, after.size) == (2, 3)
    assert world.standing(artifact_id(FILES)) == Clean()
    world.check([after])


def test_a_crash_while_nothing_was_written_changes_nothing(world: World) -> None:
    size = world.size()
    world.crash(Step.BEGUN, "publisher", signature.statement("x", FILES))
    assert world.size() == size
    world.check()
