"""Batches of the log writer: what waits to be written together comes to the same as what is written one by one."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from batching import together
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlmodel import SQLModel
from world import BEGINNING, World

from lineage import predicates
from lineage.authority import TrustedRoot
from lineage.predicates import (
    claims,
    containment,
    derivation,
    dispute,
    incident,
    incident_change,
    license,  # noqa: A004 - the module's name
    name,
    redaction,
    root,
    same_as,
    signature,
    supersession,
)
from lineage.residue import residue
from registry.publish import publish
from registry.store import log
from registry.store.log import Receipt
from registry.tables import Checkpoint
from signing import canonical
from signing.digest import artifact_id
from signing.dsse import Envelope, sign
from signing.errors import Refused
from signing.keys import PrivateKey
from signing.statement import Statement

FILES = [{"model.safetensors": f"{number:064x}"} for number in range(4)]
ARTIFACTS = [artifact_id(files) for files in FILES]
STUB, TENSOR = "hf:acme/base", "7" * 64
NUMBER = st.integers(0, len(FILES) - 1)
KINDS = (
    *("register", "license", "name", "derive", "claim", "same", "contain", "supersede"),
    *("report", "suspect", "tensor", "range", "dispute", "change"),
    *("again", "redact", "end"),
)
GROUPS = st.lists(
    st.lists(
        st.tuples(st.sampled_from(["register", "register", *KINDS]), NUMBER, NUMBER), min_size=1, max_size=3
    ),
    min_size=2,
    max_size=12,
)


class Sayings:
    """Says one thing after the other; whether each may stand depends on what stands before it."""

    def __init__(self, world: World, ann: PrivateKey) -> None:
        self.world, self.ann = world, ann
        self.incidents, self.raws = ["0" * 64], list[bytes]()

    def say(self, what: str, one: int, other: int) -> bytes:
        """Sign what somebody says about the artifact numbered `one`, or about what was said so many before."""
        if what == "again":
            envelope = Envelope.parse(self._earlier(one))
            return sign(envelope.payload, [self.ann, self._own("publisher")][other % 2 :]).encode()
        statement, key = self._said(what, one, other)
        raw = sign(statement.encode(), [key]).encode()
        if what not in {"end", "redact"}:  # those are never removed
            self.raws.append(raw)
        if what in {"report", "suspect", "tensor", "range"}:
            self.incidents.append(Envelope.parse(raw).entry)
        return raw

    def _said(  # noqa: C901, PLR0911 - one return a kind
        self, what: str, one: int, other: int
    ) -> tuple[Statement, PrivateKey]:
        artifact, publisher = ARTIFACTS[one], self._own("publisher")
        match what:
            case "register":
                return signature.statement(
                    f"number {other % 2}", FILES[one]
                ), self.ann if other > 1 else publisher
            case "license":
                return license.statement(artifact, ["mit", "cc-by-nc-4.0"][other % 2], other), publisher
            case "name":
                return name.statement(artifact, f"kennel/{'x' * (1 + other % 2)}", None, other), publisher
            case "derive":
                parent = [*ARTIFACTS, STUB][(one + 1 + other) % 5]
                made = derivation.Parent(artifact=parent, relation="merge", part={})
                return derivation.statement(artifact, [made]), publisher
            case "claim":
                claimed = claims.Claim(STUB, (claims.Parent(artifact, "finetune"),), None)
                return claims.statement("cards", "c" * 64, [claimed], other), publisher
            case "same":
                return same_as.statement(artifact, STUB, "publisher"), publisher
            case "supersede":
                return supersession.statement(artifact, ARTIFACTS[other]), publisher
            case "dispute":
                return dispute.statement(
                    self._incident(other), artifact, "not so", None, BEGINNING
                ), publisher
            case "contain":
                return containment.statement(TENSOR, [artifact]), self._own("security")
            case "change":
                changed = incident_change.statement(self._incident(other), "confirmed", f"seen {one}")
                return changed, self._own("security")
            case "redact" | "end":
                return self._removal(one) if what == "redact" else self._ending(other), self._own("root")
            case _:
                return self._report(what, artifact, other), self._own("security")

    def _report(self, what: str, artifact: str, other: int) -> Statement:
        selecting: dict[str, Sequence[str]] = {
            "suspect": {"keys": [(self.ann if other % 2 else self._own("publisher")).public.id]},
            "tensor": {"tensors": [TENSOR]},
            "range": {"names": [["kennel/*", "hf:acme/*"][other % 2]]},
        }.get(what, {})
        named = [] if selecting else [artifact]
        how = {"contact": "vet", "issued": BEGINNING + other} | selecting
        return incident.statement(named, "compromised", "high", "reported", "bad", **cast("Any", how))

    def _removal(self, one: int) -> Statement:
        envelope = Envelope.parse(self._earlier(one))
        statement = Statement.parse(envelope.payload)
        left = residue(statement.predicate_type, predicates.facts(statement, envelope.entry))
        return redaction.statement(envelope.entry, "order 17", left)

    def _ending(self, other: int) -> Statement:
        """End Ann's key, before what it signed or after: once, since the next one has the same version."""
        document = cast("dict[str, Any]", canonical.decode(self.world.home.root().encode()))
        document["keys"][-1]["validFor"]["end"] = str(BEGINNING + 1 + other % 2)
        document["version"] = str(int(document["version"]) + 1)
        return root.statement(TrustedRoot.parse(canonical.encode(document)))

    def _own(self, role: Any) -> PrivateKey:
        return self.world.home.keys(role)

    def _earlier(self, back: int) -> bytes:
        if not self.raws:
            self.say("register", back, 0)
        return self.raws[-1 - back % len(self.raws)]

    def _incident(self, back: int) -> str:
        return self.incidents[-1 - back % len(self.incidents)]


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


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(groups=GROUPS)
@example(groups=[[("register", 0, 0)], [("dispute", 0, 0)], [("register", 1, 0)]])
@example(groups=[[("register", 0, 0)], [("register", 1, 0), ("license", 2, 0)], [("derive", 0, 0)]])
@example(groups=[[("register", 1, 0)], [("suspect", 0, 0)], [("register", 0, 0), ("register", 1, 1)]])
@example(groups=[[("suspect", 0, 1)], [("register", 0, 0)], [("register", 0, 3)]])
@example(groups=[[("register", 0, 2)], [("register", 1, 0), ("end", 0, 0)], [("license", 0, 0)]])
@example(groups=[[("register", 0, 0)], [("redact", 0, 0)], [("again", 1, 1)], [("register", 0, 1)]])
def test_law_a_batch_comes_to_the_same_as_its_groups_one_by_one(groups) -> None:
    with TemporaryDirectory() as first, TemporaryDirectory() as second:
        one, other = World(Path(first)), World(Path(second))
        ann = one.join("ann", "publisher")
        with one.home.store.reading() as connection:
            publish(other.home.writer(), log.read(connection, one.size() - 1).envelope)
        one.advance(2)
        other.advance(2)
        sayings = Sayings(one, ann)
        raws = [[sayings.say(*each) for each in group] for group in groups]

        batched = together(one.home.writer(), *raws)
        alone = [answer for group in raws for answer in together(other.home.writer(), group)]

        assert list(map(told, batched)) == list(map(told, alone))
        assert held(one) == held(other)
        for world in (one, other):
            world.check()
            world.home.store.close()
