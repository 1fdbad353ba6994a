"""Answers as tables: every relative with what was said about it, found without reading all edges for each."""

from collections import UserList

import pytest

from registry.answers import EdgeOut, LineageOut, RelativeOut
from registry.cli import answered
from registry.incidents import IncidentOut

BASE, ENTRY = f"sha256:{'0' * 64}", "e" * 64


def family(size: int) -> LineageOut:
    """A base with `size` children, each reached by the one incident of the base."""
    incident = IncidentOut(
        id="1" * 64,
        artifacts=(BASE,),
        kind="data-poisoned",
        severity="high",
        stage="confirmed",
        summary="told once",
        contact="vet",
    )
    children = [f"sha256:{number:064x}" for number in range(1, size + 1)]
    relatives = (
        RelativeOut(
            artifact=one,
            distance=1,
            names=(),
            license=None,
            claimed=None,
            seen=True,
            incidents=(incident.id,),
        )
        for one in children
    )
    edges = (
        EdgeOut(child=one, parent=BASE, relation="finetune", part="{}", evidence="signed", entry=ENTRY)
        for one in children
    )
    return LineageOut(
        artifact=BASE,
        names=(),
        direction="descendants",
        relatives=tuple(relatives),
        incidents=(incident,),
        edges=tuple(edges),
        as_of=1,
        complete=True,
    )


def test_every_relative_is_shown_with_its_relation_and_what_reaches_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answered.lineage(family(3))

    said = capsys.readouterr().out
    for word in ("finetune", "signed", "data-poisoned"):
        assert said.count(word) == 3, said
    assert "told once" not in said


def test_edges_are_gone_through_once() -> None:
    rounds = []

    class Counted(UserList):
        def __iter__(self):
            rounds.append(None)
            return super().__iter__()

    answer = family(20)

    answered.lineage(answer.model_copy(update={"edges": Counted(answer.edges)}))

    assert len(rounds) == 1
