"""Batches of the log writer: what waits to be written together comes to the same as what is written one by one."""

from pathlib import Path
from tempfile import TemporaryDirectory

from batching import together
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlmodel import SQLModel
from world import BEGINNING, World

from lineage.predicates import derivation, dispute, incident, license, name, signature  # noqa: A004 - the statement's own name
from registry.publish import publish
from registry.store import log
from registry.store.log import Receipt
from registry.tables import Checkpoint
from signing.digest import artifact_id
from signing.dsse import sign
from signing.errors import Refused
from signing.keys import PrivateKey
from signing.statement import Statement

FILES = [{"model.safetensors": f"{number:064x}"} for number in range(4)]
ARTIFACTS = [artifact_id(files) for files in FILES]
ARTIFACT = st.integers(0, len(FILES) - 1)
SAID = st.one_of(
    st.tuples(st.just("register"), ARTIFACT, st.integers(0, 3)),
    st.tuples(st.sampled_from(["license", "name", "dispute", "report", "suspect"]), ARTIFACT, st.just(0)),
    st.tuples(st.just("derive"), ARTIFACT, ARTIFACT),
)


def said(world: World, ann: PrivateKey, what: str, one: int, other: int) -> bytes:
    """Sign what one of them says: whether it may stand depends on what stands before it."""
    statement: Statement
    key = world.home.keys("publisher")
    match what:
        case "register":
            statement = signature.statement(f"number {other % 2}", FILES[one])
            key = ann if other > 1 else key
        case "license":
            statement = license.statement(ARTIFACTS[one], "mit", 1)
        case "name":
            statement = name.statement(ARTIFACTS[one], f"kennel/{'x' * (1 + one % 2)}", None, one)
        case "dispute":
            statement = dispute.statement("0" * 64, ARTIFACTS[one], "not so", None, BEGINNING)
        case "derive":
            parent = derivation.Parent(artifact=ARTIFACTS[other], relation="merge", part={})
            statement = derivation.statement(ARTIFACTS[one], [parent])
        case _:
            keys = [(ann if one % 2 else key).public.id] if what == "suspect" else []
            key = world.home.keys("security")
            named = [] if keys else [ARTIFACTS[one]]
            statement = incident.statement(
                named, "compromised", "high", "reported", "x", contact="x", issued=BEGINNING, keys=keys
            )
    return sign(statement.encode(), [key]).encode()


def told(answer: list[Receipt] | Refused) -> str | list[int]:
    assert answer, "it is answered"
    return str(answer) if isinstance(answer, Refused) else [one.index for one in answer]


def held(world: World) -> dict[str, list[object]]:
    """Return every row of every table but the checkpoints, of which a batch has one."""
    with world.home.store.reading() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in SQLModel.metadata.sorted_tables
            if table.name != Checkpoint.__tablename__
        }


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(groups=st.lists(st.lists(SAID, min_size=1, max_size=3), min_size=2, max_size=8))
@example(groups=[[("register", 0, 0)], [("dispute", 0, 0)], [("register", 1, 0)]])
@example(groups=[[("register", 0, 0)], [("register", 1, 0), ("license", 2, 0)], [("derive", 0, 1)]])
@example(groups=[[("register", 1, 0)], [("suspect", 0, 0)], [("register", 0, 0), ("register", 1, 1)]])
@example(groups=[[("suspect", 1, 0)], [("register", 0, 0)], [("register", 0, 3)]])
def test_law_a_batch_comes_to_the_same_as_its_groups_one_by_one(groups) -> None:
    with TemporaryDirectory() as first, TemporaryDirectory() as second:
        one, other = World(Path(first)), World(Path(second))
        ann = one.join("ann", "publisher")
        with one.home.store.reading() as connection:
            publish(other.home.writer(), log.read(connection, one.size() - 1).envelope)
        raws = [[said(one, ann, *each) for each in group] for group in groups]

        batched = together(one.home.writer(), *raws)
        alone = [answer for group in raws for answer in together(other.home.writer(), group)]

        assert list(map(told, batched)) == list(map(told, alone))
        assert held(one) == held(other)
        for world in (one, other):
            world.check()
            world.home.store.close()
