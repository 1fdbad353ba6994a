"""What stories say of artifacts besides what a publisher declares, and what is read of it elsewhere."""

from collections.abc import Sequence

from world import World

from lineage.authority import TrustedRoot
from lineage.checks import Evaluated
from lineage.predicates import evaluation
from lineage.predicates import provenance as provenance_predicate
from merger.recipe import Recipe
from registry.local import Local
from registry.work import evidence
from registry.work.evidence import Evidence
from registry.work.lines import Broken, Held, Void
from signing import checkpoint, merkle
from signing.bundle import Bundle
from signing.checkpoint import Checkpoint
from signing.digest import parse_id
from signing.dsse import Envelope, sign
from signing.keys import PrivateKey
from signing.log import Leaf
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


def provenance(artifact: str, parent: str, manifest: str = "0") -> Statement:
    recipe = Recipe.of(
        {
            "arithmetic": "1",
            "method": "linear",
            "parents": [{"model": parent, "parameters": {"weight": "1"}}],
            "parameters": {"normalize": True},
        }
    )
    return provenance_predicate.statement(
        artifact, recipe, manifest * 64, "2" * 64, "0.1.0", {}, by_rows=False
    )


def forged(world: World, statement: Statement, key: PrivateKey | None = None, size: int = 2) -> bytes:
    """A bundle by whoever holds the log's key too: it is the last entry of another tree, of `size` entries."""
    envelope = sign(statement.encode(), [key or world.home.keys("publisher")])
    signers = tuple(sorted(one.keyid for one in envelope.signatures))
    leaf = Leaf(envelope.entry, signers, world.time)
    hashes = {i: merkle.leaf_hash(b"%d" % i) for i in range(size - 1)} | {
        size - 1: merkle.leaf_hash(leaf.encode())
    }
    nodes = {(0, i): one for i, one in hashes.items()}
    for i in range(size):
        for level, at in merkle.completed(i):
            nodes[level, at] = merkle.node_hash(nodes[level - 1, 2 * at], nodes[level - 1, 2 * at + 1])
    tree = merkle.root(size, [nodes[one] for one in merkle.root_nodes(size)])
    proof = merkle.inclusion_proof(
        size - 1, size, [nodes[one] for one in merkle.inclusion_nodes(size - 1, size)]
    )
    note = checkpoint.sign(Checkpoint(world.home.root().origin, size, tree), world.home.keys("log"))
    return Bundle(envelope.encode(), leaf, size - 1, tuple(proof), note).encode()


def type_of(line: bytes) -> str:
    return Statement.parse(Envelope.parse(Bundle.parse(line).envelope).payload).predicate_type
