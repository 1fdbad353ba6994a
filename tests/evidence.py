"""What stories say of artifacts besides what a publisher declares, and what is read of it elsewhere."""

from collections.abc import Sequence

from world import World

from lineage.authority import TrustedRoot
from lineage.facts import Evaluated
from lineage.predicates import evaluation
from registry.local import Local
from registry.work import evidence
from registry.work.evidence import Evidence
from registry.work.lines import Broken, Held, Void
from signing.digest import parse_id
from signing.statement import Statement, Subject

SUITE = "5" * 64
REVIEW = "https://example.org/review/v1"


def measured(artifact: str, value: str = "0.5") -> Statement:
    return evaluation.statement(
        Evaluated(artifact, "PASSED", SUITE, "harness 1", "acc", value, n=100, seed=7)
    )


def reviewed(artifact: str, said: str = "fine", uri: str = REVIEW) -> Statement:
    return Statement((Subject(artifact, parse_id(artifact)),), uri, {"verdict": said})


def bundle(world: World, ref: str, *, ancestors: bool = True) -> tuple[bytes, ...]:
    return Local(world.home.store, lambda: world.time).bundle(ref, ancestors=ancestors)


def read(world: World, lines: Sequence[bytes], pinned: TrustedRoot | None = None) -> Evidence:
    return evidence.read(lines, pinned or world.home.root())


def states(found: Evidence) -> dict[str, int]:
    kinds = {Held: "held", Void: "void", Broken: "broken"}
    counted = dict.fromkeys(kinds.values(), 0)
    for line in found.lines:
        counted[kinds[type(line)]] += 1
    return counted


def apart(found: Evidence) -> list[str]:
    return [line.apart for line in found.held if line.apart]


def broken(found: Evidence) -> list[str]:
    return [line.why for line in found.lines if isinstance(line, Broken)]
